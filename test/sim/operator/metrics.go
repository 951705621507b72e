// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Metrics are the samples that the operator serves, by name and labels as written.
type Metrics map[string]float64

// Metrics reads what the operator serves now.
func (p *Process) Metrics(ctx context.Context) (Metrics, error) {
	response, err := get(ctx, p.metrics)
	if err != nil {
		return nil, fmt.Errorf("metrics of the operator: %w", err)
	}
	defer response.Body.Close()
	samples := Metrics{}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics of the operator: %q: %w", line, err)
		}
		samples[line[:at]] = value
	}
	return samples, lines.Err()
}

// Sum adds up the samples of a name, whatever their labels.
func (m Metrics) Sum(name string) float64 {
	sum := 0.0
	for key, value := range m {
		if key == name || strings.HasPrefix(key, name+"{") {
			sum += value
		}
	}
	return sum
}

// Quantile estimates a quantile of what a histogram has counted since an earlier
// reading: the upper bound of its bucket, in the unit of the histogram. It is NaN
// if nothing was counted. Selector is a label of the histogram as written, such as
// name="x".
func (m Metrics) Quantile(before Metrics, histogram, selector string, q float64) float64 {
	type bucket struct{ bound, count float64 }
	var buckets []bucket
	for key, value := range m {
		if !strings.HasPrefix(key, histogram+"_bucket{") || !strings.Contains(key, selector) {
			continue
		}
		_, rest, _ := strings.Cut(key, `le="`)
		text, _, _ := strings.Cut(rest, `"`)
		bound, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		buckets = append(buckets, bucket{bound, value - before[key]})
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
	if len(buckets) == 0 || buckets[len(buckets)-1].count == 0 {
		return math.NaN()
	}
	rank := q * buckets[len(buckets)-1].count
	for _, b := range buckets {
		if b.count >= rank {
			return b.bound
		}
	}
	return math.Inf(1)
}

// Collect has the process collect its garbage.
func (p *Process) Collect(ctx context.Context) error {
	response, err := get(ctx, p.profiles+"heap?gc=1")
	if err != nil {
		return fmt.Errorf("collect the garbage of the operator: %w", err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}
