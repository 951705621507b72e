// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Processors is what the processors of this machine have done since it started, in
// ticks of all of them together.
type Processors struct {
	total, stolen int64
}

// statColumns are the columns of a line of processors that add up to all time:
// user, nice, system, idle, iowait, irq, softirq and steal (proc_stat(5)). What
// guests used is in user already.
const statColumns = 8

// ReadProcessors reads /proc/stat.
func ReadProcessors() (Processors, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Processors{}, fmt.Errorf("processors: %w", err)
	}
	return parseProcessors(string(content))
}

func parseProcessors(stat string) (Processors, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 1+statColumns || fields[0] != "cpu" {
		return Processors{}, fmt.Errorf("processors: unexpected %q in /proc/stat", line)
	}
	var p Processors
	for _, field := range fields[1 : 1+statColumns] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return Processors{}, fmt.Errorf("processors: unexpected %q in /proc/stat: %w", line, err)
		}
		p.total += ticks
		p.stolen = ticks // the last is what is kept
	}
	return p, nil
}

// StolenSince is the share of the processors, from 0 to 1, that other virtual
// machines of the same host took since before. What other programs of this machine
// took is not in it.
func (p Processors) StolenSince(before Processors) float64 {
	if p.total <= before.total {
		return 0
	}
	return float64(p.stolen-before.stolen) / float64(p.total-before.total)
}
