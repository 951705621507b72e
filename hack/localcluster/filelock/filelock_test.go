// SPDX-License-Identifier: Apache-2.0

package filelock

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}

	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := Wait(ctx, path, func() {}); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause of the cancellation", err)
	}

	waits := 0
	taken, err := Wait(t.Context(), path, func() {
		waits++
		time.AfterFunc(150*time.Millisecond, held.Release) // so that it has to look again more than once
	})
	if err != nil || waits != 1 {
		t.Fatalf("waited %d times, %v", waits, err)
	}
	taken.Release()

	if _, err := Try(filepath.Join(path, "below", "a file")); err == nil {
		t.Error("want an error for an impossible path")
	}
}
