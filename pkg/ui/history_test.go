// SPDX-License-Identifier: Apache-2.0

package ui

import "testing"

func TestHistoryURLHasTheIDOfTheRun(t *testing.T) {
	for format, want := range map[string]string{
		"https://history.example.com/history/{{$appId}}/jobs/":                     "https://history.example.com/history/spark-1/jobs/",
		"http://h:18080/{{ $appNamespace }}/{{$appName}}/history/{{$appId}}/jobs/": "http://h:18080/team/pi/history/spark-1/jobs/",
		"https://history.example.com/?app={{$appId}}":                              "https://history.example.com/?app=spark-1",
	} {
		if got, err := HistoryURL(format, "pi", "team", "spark-1"); got != want || err != nil {
			t.Errorf("HistoryURL(%q) = %q, %v, want %q", format, got, err, want)
		}
	}
	for _, format := range []string{
		"", "history/{{$appId}}", "history.example.com/history/{{$appId}}/jobs/", "ftp://h/{{$appId}}", "https:///history/{{$appId}}",
		"https://history.example.com/history/jobs/", "https://h/{{$appID}}", "https://h/{{.AppID}}", "https://h/{{$appId}}/{{", "https://user@h/{{$appId}}",
		"https://h:port/{{$appId}}", "https://{{$appName}}/history",
	} {
		if got, err := HistoryURL(format, "pi", "team", "spark-1"); err == nil {
			t.Errorf("HistoryURL(%q) = %q, want an error", format, got)
		}
	}
}
