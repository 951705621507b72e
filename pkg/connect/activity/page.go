// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"hash/fnv"
	"io"
	"regexp"
	"strconv"
)

// The headings of the pages. What users write appears in the pages as well, but escaped: it
// contains no tags.
var (
	onlineHeading     = regexp.MustCompile(`<h4>\s*([0-9]{1,9})\s*session\(s\) are online,\s*running\s*([0-9]{1,9})\s*Request\(s\)\s*</h4>`)
	sessionsHeading   = regexp.MustCompile(`<a>Session Statistics \(([0-9]{1,18})\)</a>`)
	operationsHeading = regexp.MustCompile(`<a>Request Statistics \(([0-9]{1,18})\)</a>`)
	streamsTitle      = regexp.MustCompile(`<h3[^>]*>\s*Streaming Query\s`)
	streamsHeading    = regexp.MustCompile(`<a>Active Streaming Queries \(([0-9]{1,9})\)</a>`)
	timeOfDay         = regexp.MustCompile(`[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}`)
)

// ReadConnectPage reads the page /connect/, which has the same text from Spark 3.5 to 4.3.
// It does not show whose operations run: the one that started a streaming query counts as
// running as long as any session is open.
func ReadConnectPage(from io.Reader) (Connect, error) {
	const document = "/connect/"
	text, err := io.ReadAll(from)
	if err != nil {
		return Connect{}, malformed(document, err)
	}
	online := onlineHeading.FindSubmatch(text)
	if online == nil {
		return Connect{}, malformed(document, nil)
	}
	connect := Connect{Open: int32(number(online[1])), Running: int32(number(online[2]))} //nolint:gosec // nine digits
	// The tables are absent as long as they are empty.
	connect.Sessions = heading(sessionsHeading, text)
	connect.Operations = heading(operationsHeading, text)
	// Start Time and Finish Time in the rows, of which the latest come first. Durations are
	// shown in words.
	times := fnv.New64a()
	for _, at := range timeOfDay.FindAll(text, -1) {
		_, _ = times.Write(at)
	}
	connect.Times = times.Sum64()
	return connect, nil
}

// ReadStreams reads the page /StreamingQuery/ and returns how many streaming queries are
// active. Spark adds the page with the first streaming query.
func ReadStreams(from io.Reader) (active int64, err error) {
	const document = "/StreamingQuery/"
	text, err := io.ReadAll(from)
	if err != nil {
		return 0, malformed(document, err)
	}
	if !streamsTitle.Match(text) {
		return 0, malformed(document, nil)
	}
	return heading(streamsHeading, text), nil
}

// heading returns the number in a heading; 0 if the heading is absent.
func heading(pattern *regexp.Regexp, text []byte) int64 {
	if found := pattern.FindSubmatch(text); found != nil {
		return number(found[1])
	}
	return 0
}

// number parses digits, of which there are few enough.
func number(digits []byte) int64 {
	n, _ := strconv.ParseInt(string(digits), 10, 64)
	return n
}
