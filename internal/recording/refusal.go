// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"fmt"
	"strings"
)

// Stage is where an application is refused.
type Stage string

const (
	// NotRefused is the stage of an application that has a driver.
	NotRefused Stage = ""
	// AtAdmission means that the API server does not store the application.
	AtAdmission Stage = "admission"
	// AtSubmission means that it is stored, and FAILED without a driver.
	AtSubmission Stage = "submission"
)

// Refusal says where the recorded application was refused, and the cause without
// what surrounds it: the webhook's name, the stages that an error went through,
// and spark-submit's log.
func (c *Case) Refusal() (Stage, string) {
	if c.Admission != Accepted {
		if _, cause, found := strings.Cut(c.Admission, "denied the request: "); found {
			return AtAdmission, cause
		}
		_, cause, _ := strings.Cut(c.Admission, " is invalid: ")
		return AtAdmission, strings.Trim(cause, "[]")
	}
	message := c.errorMessage()
	if message == "" {
		return NotRefused, ""
	}
	return AtSubmission, cause(message)
}

// errorMessage is status.applicationState.errorMessage of an application whose
// submission was refused, otherwise "".
func (c *Case) errorMessage() string {
	state, _ := c.Status["applicationState"].(map[string]any)
	if state["state"] != "FAILED" || c.GoesOn() {
		return ""
	}
	message, _ := state["errorMessage"].(string)
	return message
}

// cause takes the cause out of a message that quotes spark-submit.
func cause(message string) string {
	if _, quoted, found := strings.Cut(message, "Message: "); found {
		quoted, _, _ = strings.Cut(quoted, ". Received status: ")
		return quoted
	}
	for _, start := range []string{`Exception in thread "main" `, "Error: "} {
		if _, line, found := strings.Cut(message, start); found {
			line, _, _ = strings.Cut(line, "\n")
			line = strings.TrimPrefix(line, "org.apache.spark.SparkException: ")
			return strings.TrimPrefix(line, "java.lang.IllegalArgumentException: ")
		}
	}
	for _, start := range []string{
		"failed to submit spark application: ", "failed to run spark-submit: ", "failed to build spark-submit arguments: ",
		"failed during batch scheduler setup or check: ",
	} {
		message = strings.TrimPrefix(message, start)
	}
	return strings.TrimSuffix(message, ": <nil>")
}

// CompareRefusal compares stage and cause with those of the recording. An
// application that is refused at another stage is not equal, whatever the cause.
func (c *Case) CompareRefusal(got Stage, message string) (differences []Difference) {
	want, cause := c.Refusal()
	if want != got {
		differences = append(differences, Difference{"refused at", quoteStage(want, cause), quoteStage(got, message)})
	}
	if want != NotRefused && got != NotRefused && !strings.Contains(message, cause) {
		differences = append(differences, Difference{"refusal", cause, message})
	}
	return differences
}

func quoteStage(s Stage, message string) string {
	if s == NotRefused {
		return "nowhere"
	}
	return fmt.Sprintf("%s: %s", s, message)
}

// IsStage reports whether a difference is that of the stage of a refusal.
func (d Difference) IsStage() bool { return d.Path == "refused at" }
