// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// field describes one of the five fields.
type field struct {
	min, max int
	names    map[string]int // lower case
}

func minuteField() field     { return field{min: 0, max: 59} }
func hourField() field       { return field{min: 0, max: 23} }
func dayOfMonthField() field { return field{min: 1, max: 31} }

func monthField() field {
	f := field{min: 1, max: 12, names: map[string]int{}}
	for month := time.January; month <= time.December; month++ {
		f.names[strings.ToLower(month.String()[:3])] = int(month)
	}
	return f
}

func dayOfWeekField() field {
	f := field{min: 0, max: 6, names: map[string]int{}}
	for day := time.Sunday; day <= time.Saturday; day++ {
		f.names[strings.ToLower(day.String()[:3])] = int(day)
	}
	return f
}

// Parse reads a schedule. Its times are those of clocks in zone, unless the
// schedule begins with TZ= or CRON_TZ= and the name of another; local is what the
// name Local stands for there.
//
// Besides what the notation forbids, a schedule that never occurs, such as the
// 30th of February, is an error.
func Parse(text string, zone, local *time.Location) (*Schedule, error) {
	rest, zone, err := cutZone(text, zone, local)
	if err != nil {
		return nil, err
	}
	s := &Schedule{text: strings.Join(strings.Fields(rest), " "), zone: zone}
	if strings.HasPrefix(rest, "@") {
		err = s.parseDescriptor(rest)
	} else {
		err = s.parseFields(rest)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// cutZone takes the time zone from the front of a schedule.
func cutZone(text string, zone, local *time.Location) (rest string, _ *time.Location, _ error) {
	if !strings.HasPrefix(text, "TZ=") && !strings.HasPrefix(text, "CRON_TZ=") {
		return strings.TrimSpace(text), zone, nil
	}
	prefix, rest, found := strings.Cut(text, " ")
	if !found {
		return "", nil, fmt.Errorf("no schedule after the time zone: %s", text)
	}
	_, name, _ := strings.Cut(prefix, "=")
	if name == "" {
		return strings.TrimSpace(rest), time.UTC, nil
	}
	zone, err := LoadZone(name, local)
	if err != nil {
		return "", nil, fmt.Errorf("provided bad location %s: %w", name, err)
	}
	return strings.TrimSpace(rest), zone, nil
}

func (s *Schedule) parseDescriptor(text string) error {
	switch text {
	case "@yearly", "@annually":
		return s.parseFields("0 0 1 1 *")
	case "@monthly":
		return s.parseFields("0 0 1 * *")
	case "@weekly":
		return s.parseFields("0 0 * * 0")
	case "@daily", "@midnight":
		return s.parseFields("0 0 * * *")
	case "@hourly":
		return s.parseFields("0 * * * *")
	}
	interval, found := strings.CutPrefix(text, "@every ")
	if !found {
		return fmt.Errorf("unrecognized descriptor: %s", text)
	}
	every, err := time.ParseDuration(interval)
	if err != nil {
		return fmt.Errorf("failed to parse duration %s: %w", text, err)
	}
	if every <= 0 {
		return fmt.Errorf("interval must be positive: %s", text)
	}
	s.every = max(every.Truncate(time.Second), time.Second)
	return nil
}

func (s *Schedule) parseFields(text string) error {
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return fmt.Errorf("expected exactly 5 fields, found %d: %s", len(fields), fields)
	}
	for i, into := range []struct {
		values   *set
		wildcard *bool
		field    field
	}{
		{&s.minutes, new(bool), minuteField()},
		{&s.hours, new(bool), hourField()},
		{&s.daysOfMonth, &s.anyDayOfMonth, dayOfMonthField()},
		{&s.months, new(bool), monthField()},
		{&s.daysOfWeek, &s.anyDayOfWeek, dayOfWeekField()},
	} {
		var err error
		if *into.values, *into.wildcard, err = into.field.parse(fields[i]); err != nil {
			return err
		}
	}
	if s.nextLabel(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return fmt.Errorf("never occurs, no such date exists: %s", text)
	}
	return nil
}

// parse reads a list of ranges. The second result reports whether one of them is
// the wildcard, which matters for the two fields of days.
func (f field) parse(text string) (values set, wildcard bool, _ error) {
	for element := range strings.SplitSeq(text, ",") {
		if element == "" {
			continue
		}
		these, all, err := f.parseRange(element)
		if err != nil {
			return 0, false, err
		}
		values |= these
		wildcard = wildcard || all
	}
	if values == 0 {
		return 0, false, fmt.Errorf("no value in list: %s", text)
	}
	return values, wildcard, nil
}

// parseRange reads N, N-M or a wildcard, each with an optional /step. N/step
// reaches from N to the maximum.
func (f field) parseRange(text string) (values set, wildcard bool, _ error) {
	bounds := strings.Split(text, "/")
	ends := strings.Split(bounds[0], "-")
	var first, last int
	var err error
	if ends[0] == "*" || ends[0] == "?" {
		first, last, wildcard = f.min, f.max, true
	} else if first, last, err = f.parseEnds(text, ends); err != nil {
		return 0, false, err
	}

	step := 1
	switch len(bounds) {
	case 1:
	case 2:
		if step, err = parseNumber(bounds[1]); err != nil {
			return 0, false, err
		}
		if len(ends) == 1 {
			last = f.max
		}
		wildcard = wildcard && step <= 1
	default:
		return 0, false, fmt.Errorf("too many slashes: %s", text)
	}

	switch {
	case first < f.min:
		return 0, false, fmt.Errorf("beginning of range (%d) below minimum (%d): %s", first, f.min, text)
	case last > f.max:
		return 0, false, fmt.Errorf("end of range (%d) above maximum (%d): %s", last, f.max, text)
	case first > last:
		return 0, false, fmt.Errorf("beginning of range (%d) beyond end of range (%d): %s", first, last, text)
	case step == 0:
		return 0, false, fmt.Errorf("step of range should be a positive number: %s", text)
	}
	for value := first; value <= last; {
		values = values.with(value)
		if step > last-value {
			break
		}
		value += step
	}
	return values, wildcard, nil
}

func (f field) parseEnds(text string, ends []string) (first, last int, err error) {
	if first, err = f.parseValue(ends[0]); err != nil {
		return 0, 0, err
	}
	switch len(ends) {
	case 1:
		return first, first, nil
	case 2:
		last, err = f.parseValue(ends[1])
		return first, last, err
	}
	return 0, 0, fmt.Errorf("too many hyphens: %s", text)
}

func (f field) parseValue(text string) (int, error) {
	if value, named := f.names[strings.ToLower(text)]; named {
		return value, nil
	}
	return parseNumber(text)
}

func parseNumber(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("failed to parse int from %s: %w", text, err)
	}
	if number < 0 {
		return 0, fmt.Errorf("negative number (%d) not allowed: %s", number, text)
	}
	return number, nil
}
