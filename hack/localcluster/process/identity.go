// SPDX-License-Identifier: Apache-2.0

// Package process starts programs and finds them again: as children that die with us, or as daemons that outlive the
// command that started them and are never confused with another process that got the same process id.
package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Identity names one process for good. A process id alone is reused by the kernel; together with the start time and the
// boot it is not.
type Identity struct {
	PID int `json:"pid"`
	// StartTicks is field 22 of /proc/PID/stat (proc(5)): clock ticks between boot and the start of the process.
	StartTicks uint64 `json:"startTicks"`
	// BootID is /proc/sys/kernel/random/boot_id.
	BootID string `json:"bootID"`
}

// Identify returns the identity of a running process.
func Identify(pid int) (Identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	stat, err := readStat(pid)
	if err != nil {
		return Identity{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	return Identity{PID: pid, StartTicks: stat.startTicks, BootID: strings.TrimSpace(string(boot))}, nil
}

// Running reports whether this very process is still alive. A zombie is not.
func (i Identity) Running() bool {
	now, err := Identify(i.PID)
	if err != nil || now != i {
		return false
	}
	stat, err := readStat(i.PID)
	return err == nil && stat.state != 'Z' && stat.state != 'X'
}

type stat struct {
	state      byte
	startTicks uint64
}

func readStat(pid int) (stat, error) {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(content)
}

// parseStat reads /proc/PID/stat. The second field is the program's name in parentheses and may itself contain
// parentheses and spaces, so fields are counted from the last closing one.
func parseStat(content []byte) (stat, error) {
	end := bytes.LastIndexByte(content, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("unexpected content of a process's stat file: %q", content)
	}
	fields := strings.Fields(string(content[end+1:])) // from field 3 on
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("unexpected content of a process's stat file: %q", content)
	}
	ticks, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("start time in a process's stat file: %w", err)
	}
	return stat{state: fields[0][0], startTicks: ticks}, nil
}
