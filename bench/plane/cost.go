// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc: USER_HZ, which is 100 on every
// architecture that Go knows (proc(5)).
const clockTick = time.Second / 100

// Cost is what a process has used since it started.
type Cost struct {
	// CPU is the time in user and kernel mode.
	CPU time.Duration
	// Resident is the memory in use, Peak the most there ever was, in bytes.
	Resident, Peak int64
}

// CostOf reads what a process has used from /proc.
func CostOf(pid int) (Cost, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Cost{}, fmt.Errorf("cost of process %d: %w", pid, err)
	}
	// The second field, in parentheses, is a name with anything in it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return Cost{}, fmt.Errorf("cost of process %d: unexpected %q", pid, stat)
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return Cost{}, fmt.Errorf("cost of process %d: %w", pid, err)
		}
		ticks += n
	}
	cost := Cost{CPU: time.Duration(ticks) * clockTick}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Cost{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "VmRSS" && name != "VmHWM" {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
		if err != nil {
			return Cost{}, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		if name == "VmRSS" {
			cost.Resident = kilobytes << 10
		} else {
			cost.Peak = kilobytes << 10
		}
	}
	return cost, nil
}
