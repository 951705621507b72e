// SPDX-License-Identifier: Apache-2.0

package process

import (
	"io"
	"os"
	"strings"
)

// Tail returns the last lines of a log file, or why it cannot be read: its use is in messages.
func Tail(file string, lines int) string {
	const window = 64 << 10 // bytes; plenty for the lines of a message
	log, err := os.Open(file)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	if size, err := log.Seek(0, io.SeekEnd); err == nil {
		_, _ = log.Seek(max(0, size-window), io.SeekStart)
	}
	content, err := io.ReadAll(log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
