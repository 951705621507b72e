// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	conditionsFile      = "../../docs/conditions.md"
	troubleshootingFile = "../../docs/troubleshooting.md"
)

// TestReasonsAreDocumented prints the table of reasons to docs/conditions.md.
func TestReasonsAreDocumented(t *testing.T) {
	var text bytes.Buffer
	text.WriteString(conditionsIntroduction)
	for _, group := range []struct{ title, place, text string }{
		{"Submitted", "Submitted=", ""},
		{"DriverReady", "DriverReady=", ""},
		{"ExecutorsReady", "ExecutorsReady=", ""},
		{"Completed", "Completed=", ""},
		{"Stalled", "Stalled=", ""},
		{"UIReady", "UIReady=", ""},
		{"LogsArchived", "LogsArchived=", ""},
		{"Attempts", lifecycle.InAttempts, "Reasons of `status.attempts[].reason`. Any other word comes from the pod or its container as it is.\n\n"},
	} {
		fmt.Fprintf(&text, "\n### %s\n\n%s", group.title, group.text)
		if group.place == lifecycle.InAttempts {
			text.WriteString("| Reason | Meaning | What to do |\n|---|---|---|\n")
		} else {
			text.WriteString("| Reason | Status | Meaning | What to do |\n|---|---|---|---|\n")
		}
		for _, r := range lifecycle.Reasons {
			for _, place := range r.In {
				status, ok := strings.CutPrefix(place, group.place)
				switch {
				case !ok:
				case group.place == lifecycle.InAttempts:
					fmt.Fprintf(&text, "| %s | %s | %s |\n", r.Name, r.Meaning, r.Remedy)
				default:
					fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", r.Name, status, r.Meaning, r.Remedy)
				}
			}
		}
	}
	text.WriteString("\n## How it reads\n")
	text.WriteString(describeCases(t))
	document.Compare(t, conditionsFile, text.String())
}

const conditionsIntroduction = `# Conditions of a SparkApplication

A test writes this page from the tables in ` + "`pkg/controller/lifecycle`" + `. [troubleshooting.md](troubleshooting.md) describes how to fix each
problem, and [states.md](states.md) lists the states.

| Condition | True | False | Unknown |
|---|---|---|---|
| Submitted | the driver pod of the current submission exists | it does not exist; the reason shows why | |
| DriverReady | the driver's Spark container is running | it is not running yet, or has ended; the reason shows why | its node does not report |
| ExecutorsReady | at least as many executors are running as the application starts with | fewer are running. The condition is absent while the driver is not running | |
| Completed | the application succeeded | it failed, and no further run follows. The condition is absent before the end | |
| Stalled | the application makes no progress, and the operator cannot fix the cause | never; the condition is absent while the application makes progress | |
| UIReady | the Service of the web UI and its Ingress or HTTPRoute exist | they cannot be created. The condition is absent before and after the run | |
| LogsArchived | all logs of the last run that are to be archived are in the bucket | a log is missing there; the reason shows why. The condition is absent before the end of a run, and without the log archiver | |

A reason is one word and part of the API: scripts may compare it. A message is for users, and its wording may change.

## Wait for an application

` + "```console" + `
$ kubectl wait sparkapplication/spark-pi --for=condition=Completed --timeout=1h
` + "```" + `

The command returns when the application has succeeded. If the application fails, Completed becomes False, and the command waits until its
timeout. To wait for success or failure in a script (bash 5.1 or newer), start two commands and use the first result:

` + "```bash" + `
kubectl wait sparkapplication/spark-pi --for=condition=Completed --timeout=1h & good=$!
kubectl wait sparkapplication/spark-pi --for=condition=Completed=False --timeout=1h & bad=$!
wait -n -p first "${good}" "${bad}" && [ "${first}" = "${good}" ]; result=$?
kill "${good}" "${bad}" 2>/dev/null; exit "${result}"
` + "```" + `

To wait for a problem that needs a user, even before a run has started:

` + "```console" + `
$ kubectl wait sparkapplication/spark-pi --for=condition=Stalled --timeout=5m
$ kubectl get sparkapplication/spark-pi -o jsonpath='{.status.conditions[?(@.type=="Stalled")].message}'
` + "```" + `

The metric ` + "`spark_application_stalled`" + ` counts the stalled applications. Its label ` + "`reason`" + ` is the reason of the condition. The
flags ` + "`--metrics-prefix` and `--metrics-labels`" + ` also apply to it. Use it for alerts on applications that need your help.

## Reasons
`

// sources parses the package without its tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, folder := range []string{".", "lifecycle", "run", "../diagnosis"} {
		names, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	return files
}

// TestEveryReasonIsInTheTable: the constants whose name starts with "reason" and
// the table agree, and no reason is written down elsewhere.
func TestEveryReasonIsInTheTable(t *testing.T) {
	listed := map[string]bool{}
	for _, r := range lifecycle.Reasons {
		if listed[r.Name] {
			t.Errorf("%s is in the table twice", r.Name)
		}
		listed[r.Name] = true
		if r.Meaning == "" || len(r.In) == 0 {
			t.Errorf("%s: the table does not say what it means or where it appears", r.Name)
		}
		for _, place := range r.In {
			if !regexp.MustCompile(`^(attempts|(Submitted|DriverReady|ExecutorsReady|Completed|Stalled|UIReady|LogsArchived)=(True|False|Unknown))$`).MatchString(place) {
				t.Errorf("%s appears in %q, which is no condition", r.Name, place)
			}
		}
	}
	declared := map[string]bool{}
	causes := map[string]reconcile.Cause{
		"NotPermitted": reconcile.NotPermitted, "KindNotServed": reconcile.KindNotServed, "ReferenceNotFound": reconcile.ReferenceNotFound,
		"QuotaExceeded": reconcile.QuotaExceeded, "AdmissionDenied": reconcile.AdmissionDenied,
	}
	literal := func(expression ast.Expr) (string, bool) {
		if call, ok := expression.(*ast.CallExpr); ok && len(call.Args) == 1 {
			if cause, ok := call.Args[0].(*ast.SelectorExpr); ok {
				text, known := causes[cause.Sel.Name]
				return string(text), known
			}
		}
		basic, ok := expression.(*ast.BasicLit)
		if !ok || basic.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(basic.Value)
		return text, err == nil
	}
	for _, file := range sources(t) {
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.ValueSpec:
				for i, name := range node.Names {
					if !regexp.MustCompile(`^[rR]eason[A-Z]`).MatchString(name.Name) || i >= len(node.Values) {
						continue
					}
					text, ok := literal(node.Values[i])
					if !ok || !listed[text] {
						t.Errorf("constant %s (%q) is not in the table of reasons", name.Name, text)
					}
					declared[text] = true
				}
			case *ast.CallExpr:
				argument, takesReason := map[string]int{"WaitFor": 0, "SetTrue": 1, "SetTrueOnce": 1, "SetFalse": 1, "Set": 2}[calledName(node)]
				if !takesReason || len(node.Args) <= argument {
					break
				}
				if text, ok := literal(node.Args[argument]); ok {
					t.Errorf("reason %q of a call of %s is no constant", text, calledName(node))
				}
			case *ast.KeyValueExpr:
				key, ok := node.Key.(*ast.Ident)
				if text, isText := literal(node.Value); ok && strings.EqualFold(key.Name, "reason") && isText {
					t.Errorf("reason %q is no constant", text)
				}
			}
			return true
		})
	}
	for _, r := range lifecycle.Reasons {
		if !r.Foreign && !declared[r.Name] {
			t.Errorf("%s is in the table but no constant", r.Name)
		}
	}
	if len(declared) < 20 {
		t.Errorf("only %d constants were found", len(declared))
	}
}

func calledName(call *ast.CallExpr) string {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		return function.Name
	case *ast.SelectorExpr:
		return function.Sel.Name
	}
	return ""
}

// TestEveryReasonHasItsRemedy compares docs/troubleshooting.md with the table:
// each reason that calls for something has a section, each other one a mention,
// and no section is about a reason that does not exist.
func TestEveryReasonHasItsRemedy(t *testing.T) {
	text, err := os.ReadFile(troubleshootingFile)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range lifecycle.Reasons {
		known[r.Name] = true
	}
	sections, mentioned := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		// A heading may be about several reasons: "### A, B".
		if title, ok := strings.CutPrefix(line, "### "); ok {
			for name := range strings.SplitSeq(strings.TrimSpace(title), ", ") {
				if !known[name] {
					t.Errorf("section %q is about a reason that does not exist", name)
				}
				if sections[name] {
					t.Errorf("%s has two sections", name)
				}
				sections[name] = true
			}
		}
		for _, match := range regexp.MustCompile("reason `([A-Za-z]+)`|^\\| `([A-Za-z]+)` \\|").FindAllStringSubmatch(line, -1) {
			name := match[1] + match[2]
			if !known[name] {
				t.Errorf("%q names a reason that does not exist", strings.TrimSpace(line))
			}
			mentioned[name] = true
		}
	}
	for _, r := range lifecycle.Reasons {
		switch {
		case r.Remedy != "" && !sections[r.Name]:
			t.Errorf("%s has no section in %s", r.Name, troubleshootingFile)
		case r.Remedy == "" && !sections[r.Name] && !mentioned[r.Name]:
			t.Errorf("%s is not in %s", r.Name, troubleshootingFile)
		}
	}
}
