// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
)

// moment matches a time, of which only its presence is compared.
var moment = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$`)

// CompareStatus compares a whole status, with placeholders in it, with a recorded
// one. The message of a refused submission is compared by CompareRefusal.
func (c *Case) CompareStatus(path string, want, got map[string]any) []Difference {
	want, _ = presence(want).(map[string]any)
	got, _ = presence(got).(map[string]any)
	if c.errorMessage() != "" {
		for _, status := range []map[string]any{want, got} {
			state, _ := status["applicationState"].(map[string]any)
			if message, _ := state["errorMessage"].(string); message != "" {
				state["errorMessage"] = "<cause>"
			}
		}
	}
	for _, status := range []map[string]any{want, got} {
		// A time that has not come is null in the recording; kubectl get would print it.
		maps.DeleteFunc(status, func(_ string, value any) bool { return value == nil })
		conditions := map[string]any{}
		for _, condition := range elements(status, "conditions", nil) {
			conditions[fmt.Sprintf("[%v]", condition["type"])] = fmt.Sprintf("%v %v", condition["status"], condition["reason"])
		}
		status["conditions"] = conditions
		attempts := map[string]any{}
		for i, attempt := range elements(status, "attempts", nil) {
			delete(attempt, "usage") // its figures depend on how long the test took
			attempts[fmt.Sprint(i+1)] = attempt
		}
		status["attempts"] = attempts
	}
	if _, numbered := got["observedGeneration"].(float64); numbered {
		got["observedGeneration"] = "<generation>"
	}
	return Diff(path, want, got)
}

// presence copies a tree with a placeholder for every time.
func presence(node any) any {
	switch node := node.(type) {
	case map[string]any:
		copied := make(map[string]any, len(node))
		for key, value := range node {
			copied[key] = presence(value)
		}
		return copied
	case []any:
		copied := make([]any, len(node))
		for i, value := range node {
			copied[i] = presence(value)
		}
		return copied
	case string:
		if moment.MatchString(node) {
			return "<time>"
		}
	}
	return node
}

// Event is what an Event says of an application.
type Event struct {
	Reason, Type, Message string
	// Count is how often it was said, from 1.
	Count int
}

// failed matches a message whose second half quotes an error.
var failed = regexp.MustCompile(`(?s)^(failed to submit SparkApplication \S+: |SparkApplication \S+ failed: )(.*)$`)

// CompareEvents compares events in the order of their first occurrence with
// recorded ones. Errors of spark-submit that an event quotes are not compared; in
// got the error must be errorMessage, that of the status.
func (c *Case) CompareEvents(path string, want [][]any, got []Event, errorMessage string) []Difference {
	recorded, here := []any{}, []any{}
	for _, event := range want {
		tree := map[string]any{"reason": event[0], "type": event[1], "message": event[2]}
		if parts := failed.FindStringSubmatch(fmt.Sprint(event[2])); parts != nil && c.errorMessage() != "" {
			tree["message"] = parts[1] + "<cause>"
		}
		if len(event) > 3 {
			tree["count"] = event[3]
		}
		recorded = append(recorded, tree)
	}
	for _, event := range got {
		tree := map[string]any{"reason": event.Reason, "type": event.Type, "message": event.Message}
		parts := failed.FindStringSubmatch(event.Message)
		if parts != nil && c.errorMessage() != "" && errorMessage != "" && strings.Contains(parts[2], errorMessage) {
			tree["message"] = parts[1] + "<cause>"
		}
		if event.Count > 1 {
			tree["count"] = float64(event.Count)
		}
		here = append(here, tree)
	}
	return Diff(path, recorded, here)
}
