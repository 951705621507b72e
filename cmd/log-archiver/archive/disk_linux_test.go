// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/base64"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// smallDisk is the variable with the folder of a disk of 1 MiB, in the process that has it.
const smallDisk = "LOG_ARCHIVER_TEST_DISK"

// TestFullDisk: a log that does not fit is not visible, occupies nothing, and the annotation
// shows why it is missing. It arrives when there is room. The test runs itself in a mount
// namespace of its own, with a tmpfs.
func TestFullDisk(t *testing.T) {
	folder := os.Getenv(smallDisk)
	if folder == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		again.Env = append(os.Environ(), smallDisk+"="+t.TempDir())
		again.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if uid := os.Getuid(); uid != 0 {
			again.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
			again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
			again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(folder, "other")
	if err := os.WriteFile(ballast, make([]byte, 900<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	source := rand.NewChaCha8([32]byte{1})
	random := make([]byte, 3<<16)
	_, _ = source.Read(random)
	log := base64.StdEncoding.EncodeToString(random) + "\n" // takes 192 KiB, compressed
	c := newCluster(t, driver("pi", corev1.PodFailed))
	c.setLog(func(w http.ResponseWriter, _ *http.Request, _ bool) { _, _ = io.WriteString(w, log) })
	stop := c.start(t, folder, nil)
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogArchiveError, "no space left on device")
	stop()
	if found := files(t, folder); len(found) != 1 {
		t.Errorf("files %q", found)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	c.start(t, folder, nil)
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogURL, "driver.log.gz")
	eventually(t, "no error", func() bool { return c.annotation(t, "pi", v1beta2.AnnotationLogArchiveError) == "" })
	if got := object(t, folder, "team/pi/id-pi/driver.log.gz"); got != log {
		t.Errorf("%d bytes of %d", len(got), len(log))
	}
}

// TestFilesOfAKilledProcessAreDeleted when the log is copied again, and no others.
func TestFilesOfAKilledProcessAreDeleted(t *testing.T) {
	folder := t.TempDir()
	stale := filepath.Join(folder, "team/pi/id-pi/driver.log.gz.18a.tmp")
	other := filepath.Join(folder, "team/pi/id-pi/executor-1.log.gz.18a.tmp")
	if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{stale, other} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := newCluster(t, driver("pi", corev1.PodFailed))
	c.start(t, folder, nil)
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogURL, "driver.log.gz")
	if got, want := strings.Join(files(t, folder), " "), "team/pi/id-pi/driver.log.gz team/pi/id-pi/executor-1.log.gz.18a.tmp"; got != want {
		t.Errorf("files %s", got)
	}
}
