// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/translate"
)

func TestHistoryFlags(t *testing.T) {
	options, err := parse(t, "--history-dir=file:///spark-events", "--history-claim=spark-events",
		"--history-url-template=https://history.example.com/history/{{$appId}}/jobs/",
		"--default-spark-conf=spark.eventLog.enabled=true", "--default-spark-conf=spark.eventLog.compress=false")
	if err != nil {
		t.Fatal(err)
	}
	config, err := options.Config("k8s://https://10.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	c := config.Controller
	if c.History != (translate.History{Dir: "file:///spark-events", ClaimName: "spark-events"}) || c.HistoryURLFormat != "https://history.example.com/history/{{$appId}}/jobs/" {
		t.Errorf("history %+v, template %q", c.History, c.HistoryURLFormat)
	}
	for arguments, want := range map[string]string{
		"--history-dir=/spark-events":                                                                      "--history-dir: has no scheme; use a URL such as",
		"--history-dir=s3a://key:secret@bucket":                                                            "--history-dir: contains credentials",
		"--history-claim=spark-events":                                                                     "set that to a URL such as file:///spark-events",
		"--history-dir=s3a://bucket --history-claim=spark-events":                                          "set that to a URL such as file:///spark-events",
		"--history-dir=file:///x --history-claim=Claim":                                                    `--history-claim: "Claim"`,
		"--history-url-template=https://history.example.com/":                                              "--history-url-template: \"https://history.example.com/\" does not contain {{$appId}}",
		"--history-url-template=https://history.example.com/{{.AppID}}":                                    "a placeholder other than {{$appName}}, {{$appNamespace}} and {{$appId}}",
		"--history-url-template=history.example.com/{{$appId}}":                                            "is not a URL of the form https://host/history/{{$appId}}/jobs/",
		"--history-dir=s3a://bucket --default-spark-conf=spark.eventLog.dir=s3a://other":                   "--history-dir: --default-spark-conf sets spark.eventLog.dir to s3a://other; remove one of both",
		"--history-dir=s3a://bucket --default-spark-conf=spark.eventLog.enabled=false":                     "sets spark.eventLog.enabled to false",
		"--history-dir=x --history-claim=Y --history-url-template=z --default-spark-conf=spark.eventLog.=": "--history-url-template",
	} {
		_, err := parse(t, strings.Split(arguments, " ")...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v, want one line with %q", arguments, err, want)
		}
	}
}
