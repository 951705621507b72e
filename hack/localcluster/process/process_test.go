// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// parentVariable makes the test program act as the parent of TestChildDiesWithItsParent.
const parentVariable = "LOCALCLUSTER_TEST_PARENT_LOG"

func TestMain(m *testing.M) {
	if log := os.Getenv(parentVariable); log != "" {
		child, err := StartChild("/bin/sleep", []string{"600"}, log)
		if err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString(strconv.Itoa(child.PID()) + "\n")
		time.Sleep(time.Minute)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestChildDiesWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"="+filepath.Join(t.TempDir(), "log"))
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	child, err := Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	if !child.Running() {
		t.Fatal("the child does not run")
	}

	if err := parent.Process.Kill(); err != nil { // SIGKILL: the parent cannot clean up
		t.Fatal(err)
	}
	_ = parent.Wait()
	for deadline := time.Now().Add(10 * time.Second); child.Running(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the child has outlived its parent")
		}
	}
}

func TestChildStop(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	t.Run("in an orderly way", func(t *testing.T) {
		child, err := StartChild("/bin/sh", []string{"-c", "trap 'echo bye; exit 7' TERM; echo hello; while :; do sleep 0.01; done"}, log)
		if err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(Tail(log, 1), "hello") {
			time.Sleep(5 * time.Millisecond)
		}
		if err := child.Stop(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		if failure := child.Failure().Error(); !strings.Contains(failure, "exit status 7") || !strings.HasSuffix(failure, "bye") {
			t.Errorf("failure does not contain status and log: %s", failure)
		}
		if err := child.Stop(0); err != nil {
			t.Errorf("a second stop: %v", err)
		}
	})
	t.Run("by force", func(t *testing.T) {
		child, err := StartChild("/bin/sh", []string{"-c", "trap '' TERM; echo deaf; while :; do sleep 0.01; done"}, log)
		if err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(Tail(log, 1), "deaf") {
			time.Sleep(5 * time.Millisecond)
		}
		if err := child.Stop(50 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if failure := child.Failure().Error(); !strings.Contains(failure, "killed") {
			t.Errorf("failure does not name the signal: %s", failure)
		}
	})
}

func TestStartChildWithoutProgram(t *testing.T) {
	if _, err := StartChild("/nowhere/program", nil, filepath.Join(t.TempDir(), "log")); err == nil {
		t.Error("want an error")
	}
}

func TestIdentity(t *testing.T) {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.Running() {
		t.Error("this process does not count as running")
	}
	reused := self
	reused.StartTicks--
	if reused.Running() {
		t.Error("a process with the same id but another start counts as the same")
	}
	earlier := self
	earlier.BootID = "another"
	if earlier.Running() {
		t.Error("a process of another boot counts as running")
	}
	if (Identity{}).Running() {
		t.Error("no process counts as running")
	}

	ended := exec.Command("/bin/true")
	if err := ended.Start(); err != nil {
		t.Fatal(err)
	}
	identity, err := Identify(ended.Process.Pid) // the process exists until it has been waited for
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); identity.Running(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a zombie counts as running")
		}
	}
	_ = ended.Wait()
}

func TestParseStat(t *testing.T) {
	const after = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21"
	for _, name := range []string{"etcd", "a b", "x) S 1 (y"} {
		got, err := parseStat([]byte("77 (" + name + ")" + after))
		if err != nil || got.startTicks != 4242 || got.state != 'S' {
			t.Errorf("%q: got %+v, %v", name, got, err)
		}
	}
	for _, malformed := range []string{"", "77 (etcd) S 1", "77 etcd S"} {
		if _, err := parseStat([]byte(malformed)); err == nil {
			t.Errorf("%q: want an error", malformed)
		}
	}
}

func TestTail(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 100<<10)+"\none\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := Tail(file, 2); got != "two\nthree" {
		t.Errorf("got %q", got)
	}
	if got := Tail(file+"-missing", 2); !strings.Contains(got, "no such file") {
		t.Errorf("got %q", got)
	}
}
