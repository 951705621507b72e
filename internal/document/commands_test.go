// SPDX-License-Identifier: Apache-2.0

package document

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommandsAreRight: every command that a page shows names a program, sub-command,
// flag, file, make target and chart value that exist.
func TestCommandsAreRight(t *testing.T) {
	known := newKnown(t)
	needs := map[string][]string{}
	shown := 0
	for _, page := range Pages(t, root) {
		text := Read(t, filepath.Join(root, page))
		for _, block := range regexp.MustCompile("(?m)^\\s*```(sh|bash|shell|console-.*)$").FindAllString(text, -1) {
			if page != "docs/conditions.md" { // a script, which a test of pkg/controller reads
				t.Errorf("%s: a block %s: show commands in a block ```console, behind a prompt", page, block)
			}
		}
		for _, command := range Commands(page, text) {
			shown++
			for _, words := range Split(command.Text) {
				if err := known.check(words, command.Inline); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
			if command.Needs != "" {
				needs[command.Needs] = append(needs[command.Needs], command.String())
			}
		}
	}
	t.Logf("%d commands", shown)
	for _, what := range slices.Sorted(maps.Keys(needs)) {
		t.Logf("needs %s:\n\t%s", what, strings.Join(needs[what], "\n\t"))
	}
}

// known is what commands may name.
type known struct {
	makefile, release string
	operator          map[string]map[string]bool // flags by command
	values            schema
}

// schema is the part of a JSON schema that names values.
type schema struct {
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties any                `json:"additionalProperties"`
	Items                *schema            `json:"items"`
}

func newKnown(t *testing.T) *known {
	t.Helper()
	k := &known{makefile: Read(t, root+"/Makefile"), release: Read(t, root+"/hack/package.sh"), operator: map[string]map[string]bool{}}
	if err := json.Unmarshal([]byte(Read(t, root+"/charts/spark-operator/values.schema.json")), &k.values); err != nil {
		t.Fatal(err)
	}
	// This page is printed from the commands themselves.
	command, flag := "", regexp.MustCompile("`(--?[a-z-]+)`")
	for line := range strings.Lines(Read(t, root+"/docs/flags.md")) {
		if name, isCommand := strings.CutPrefix(line, "## spark-operator "); isCommand {
			command = strings.TrimSpace(name)
			k.operator[command] = map[string]bool{}
		} else if cells := strings.Split(line, "|"); command != "" && len(cells) > 1 {
			for _, match := range flag.FindAllStringSubmatch(cells[1], -1) {
				k.operator[command][match[1]] = true
			}
		}
	}
	return k
}

// others are programs about which only their name is checked.
var others = []string{
	"bash", "bin/bench", "bin/localcluster", "curl", "git", "go", "golangci-lint", "grep", "apt-get", "export", "kind", "localcluster", "openssl", "pip", "python3", "sed", "sha256sum", "cosign", "yq",
}

func (k *known) check(words []string, inline bool) error {
	for len(words) > 0 && regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0]) {
		words = words[1:] // variables of the environment
	}
	if len(words) == 0 || inline && len(words) == 1 {
		return nil
	}
	switch program, arguments := words[0], words[1:]; program {
	case "make":
		return k.checkMake(arguments)
	case "spark-operator":
		return k.checkOperator(arguments)
	case "kubectl":
		return k.checkKubectl(arguments)
	case "helm":
		return k.checkHelm(arguments)
	default:
		if !slices.Contains(others, program) {
			return fmt.Errorf("unknown program %s: add it to commands_test.go if pages may use it", program)
		}
		return nil
	}
}

func (k *known) checkMake(arguments []string) error {
	for _, argument := range arguments {
		name, _, isVariable := strings.Cut(argument, "=")
		switch {
		case isVariable && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(name)+` \?=`).MatchString(k.makefile):
			return fmt.Errorf("the Makefile has no variable %s", name)
		case !isVariable && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(argument)+`:`).MatchString(k.makefile):
			return fmt.Errorf("the Makefile has no target %s", argument)
		}
	}
	return nil
}

// checkOperator also knows auth-check, which takes a command of the operator with its
// flags.
func (k *known) checkOperator(arguments []string) error {
	var words []string
	var flags []flagValue
	for i := 0; i < len(arguments); i++ {
		name, value, hasValue := strings.Cut(arguments[i], "=")
		if !strings.HasPrefix(name, "-") {
			words = append(words, name)
			continue
		}
		if !hasValue && len(name) == 2 {
			i++ // the value of a short flag
		}
		flags = append(flags, flagValue{name, value})
	}
	allowed := map[string]bool{}
	command := strings.Join(words, " ")
	for _, part := range append(strings.SplitAfterN(command, "auth-check ", 2), command) {
		part = strings.TrimSpace(part)
		own, exists := k.operator[part]
		if !exists && (part != command || !strings.HasPrefix(command, "auth-check ")) {
			return fmt.Errorf("spark-operator has no command %q", part)
		}
		maps.Copy(allowed, own)
	}
	for _, flag := range flags {
		if !allowed[flag.name] {
			return fmt.Errorf("spark-operator %s has no flag %s", command, flag.name)
		}
	}
	return nil
}

// The flags of kubectl and Helm that the pages use; those that take a value have true.
var (
	kubectlFlags = map[string]map[string]bool{
		"":         {"--namespace": true, "-n": true, "--kubeconfig": true, "--context": true, "--as": true, "--as-group": true},
		"annotate": {"--overwrite": false}, "apply": {"-f": true, "--filename": true, "-k": true, "--server-side": false, "--force-conflicts": false},
		"auth can-i": {}, "create secret generic": {"--from-file": true}, "create serviceaccount": {}, "create token": {},
		"create clusterrolebinding": {"--clusterrole": true, "--serviceaccount": true}, "create": {"-f": true, "--filename": true},
		"delete": {"--force": false, "--grace-period": true}, "describe": {}, "edit": {}, "exec": {"-c": true},
		"get": {
			"-o": true, "--watch": false, "-w": false, "--all-namespaces": false, "-A": false, "--selector": true, "-l": true,
			"--field-selector": true,
		},
		"label": {"--overwrite": false}, "logs": {"-c": true, "--follow": false, "--previous": false},
		"patch": {"--type": true, "--patch": true, "-p": true}, "port-forward": {}, "replace": {"-f": true, "--subresource": true},
		"rollout status": {}, "rollout restart": {}, "scale": {"--replicas": true}, "wait": {"--for": true, "--timeout": true},
	}
	helmFlags = map[string]map[string]bool{
		"": {"--namespace": true, "-n": true, "--kube-context": true}, "repo add": {}, "repo update": {}, "show crds": {}, "show values": {}, "uninstall": {},
		"template": {"--api-versions": true, "--set": true, "--show-only": true, "--values": true, "-f": true},
		"install":  {"--create-namespace": false, "--set": true, "--values": true, "-f": true, "--dry-run": true, "--skip-crds": false},
		"upgrade":  {"--install": false, "--create-namespace": false, "--set": true, "--values": true, "-f": true, "--reuse-values": false, "--wait": false},
	}
)

// kinds are those whose objects pages may show, without the s of the plural.
var kinds = []string{
	"certificate", "clusterrole", "configmap", "crd", "deployment", "event", "httproute", "ingress", "ingresse", "job", "lease",
	"mutatingwebhookconfiguration", "namespace", "networkpolicy", "networkpolicie", "node", "persistentvolumeclaim", "pod", "podmonitor",
	"prometheusrule", "resourcequota", "role", "rolebinding", "scheduledsparkapplication", "secret", "service", "serviceaccount",
	"servicemonitor", "sparkapplication", "sparkconnect", "validatingadmissionpolicy", "validatingadmissionpolicie",
	"validatingwebhookconfiguration", "workload", "podgroups.scheduling.volcano.sh", "queues.scheduling.volcano.sh",
}

func (k *known) checkKubectl(arguments []string) error {
	command, operands, flags, err := parse(kubectlFlags, arguments)
	if err != nil {
		return fmt.Errorf("kubectl: %w", err)
	}
	if slices.Contains([]string{"annotate", "delete", "describe", "edit", "get", "label", "patch", "wait"}, command) && len(operands) > 0 {
		for kind := range strings.SplitSeq(operands[0], ",") {
			if kind, _, _ = strings.Cut(kind, "/"); !slices.Contains(kinds, strings.TrimSuffix(kind, "s")) {
				return fmt.Errorf("unknown kind %s: add it to commands_test.go if it exists", kind)
			}
		}
	}
	for _, flag := range flags {
		switch flag.name {
		case "-f", "--filename":
			if err := k.checkFile(flag.value); err != nil {
				return err
			}
		case "-k":
			if _, err := os.Stat(filepath.Join(root, flag.value, "kustomization.yaml")); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkFile accepts a file of the repository or of a release, and what stands for one.
func (k *known) checkFile(name string) error {
	switch {
	case name == "-", name == strings.ToUpper(name), strings.Contains(k.release, "/"+name):
		return nil
	}
	for _, folder := range []string{".", "examples"} {
		if _, err := os.Stat(filepath.Join(root, folder, name)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no file %s in the repository or in a release", name)
}

func (k *known) checkHelm(arguments []string) error {
	_, operands, flags, err := parse(helmFlags, arguments)
	if err != nil {
		return fmt.Errorf("helm: %w", err)
	}
	for _, operand := range operands {
		if folder := path.Join(root, operand); strings.HasPrefix(operand, "charts/") {
			if _, err := os.Stat(folder); err != nil {
				return err
			}
		}
	}
	for _, flag := range flags {
		if flag.name != "--set" {
			continue
		}
		key, _, _ := strings.Cut(flag.value, "=")
		if err := k.values.has(key); err != nil {
			return err
		}
	}
	return nil
}

// has checks that the chart has a value.
func (s *schema) has(key string) error {
	at := s
	for name := range strings.SplitSeq(key, ".") {
		name, _, isItem := strings.Cut(name, "[")
		next, exists := at.Properties[name]
		if !exists {
			if free, isBool := at.AdditionalProperties.(bool); at.AdditionalProperties != nil && (!isBool || free) || at != s && at.Properties == nil {
				return nil // a map with keys of the user
			}
			return fmt.Errorf("no field or chart value %s", key)
		}
		at = next
		if isItem && at.Items != nil {
			at = at.Items
		}
	}
	return nil
}

type flagValue struct{ name, value string }

// parse finds the sub-command of arguments, its operands and its flags.
func parse(commands map[string]map[string]bool, arguments []string) (name string, operands []string, flags []flagValue, err error) {
	var words []string
	all := maps.Clone(commands[""])
	for _, command := range commands {
		for name, takesValue := range command {
			all[name] = all[name] || takesValue
		}
	}
	for i := 0; i < len(arguments); i++ {
		argument := arguments[i]
		if argument == "--" {
			break
		}
		if !strings.HasPrefix(argument, "-") || argument == "-" {
			words = append(words, argument)
			continue
		}
		name, value, hasValue := strings.Cut(argument, "=")
		if all[name] && !hasValue {
			if i++; i == len(arguments) {
				return "", nil, nil, fmt.Errorf("%s has no value", name)
			}
			value = arguments[i]
		}
		flags = append(flags, flagValue{name, value})
	}
	for length := min(3, len(words)); length > 0; length-- {
		command := strings.Join(words[:length], " ")
		own, exists := commands[command]
		if !exists {
			continue
		}
		for _, flag := range flags {
			_, isOwn := own[flag.name]
			if _, isGlobal := commands[""][flag.name]; !isOwn && !isGlobal {
				return "", nil, nil, fmt.Errorf("%s has no flag %s: add it to commands_test.go if it exists", command, flag.name)
			}
		}
		return command, words[length:], flags, nil
	}
	return "", nil, nil, fmt.Errorf("no sub-command in %q", arguments)
}

func TestCommandsAreFound(t *testing.T) {
	const page = "Text with `kubectl get\npods` and `other`.\n\nNeeds a cloud:\n\n```console\n$ helm install a \\\n    --set b=c\noutput\n$ make\n```\n```text\n$ no command\n```\n" +
		"No need:\n\n```console\n$ kubectl get pods\n```\n"
	got := Commands("p.md", page)
	want := []Command{
		{Page: "p.md", Line: 1, Text: "kubectl get pods", Inline: true},
		{Page: "p.md", Line: 7, Text: "helm install a  --set b=c", Needs: "a cloud"},
		{Page: "p.md", Line: 10, Text: "make", Needs: "a cloud"},
		{Page: "p.md", Line: 18, Text: "kubectl get pods"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	words := Split(`a 'b | c' --d="e f"\ g | h # i; && j`)
	if want := [][]string{{"a", "b | c", "--d=e f g"}, {"h"}}; !reflect.DeepEqual(words, want) {
		t.Errorf("got %q", words)
	}
}

func TestWrongCommandsAreRefused(t *testing.T) {
	known := newKnown(t)
	for _, command := range []string{
		"make none", "make test NONE=1", "spark-operator none", "spark-operator crds apply --none", "kubectl none", "kubectl get --none", "kubectl get none",
		"kubectl apply -f examples/none.yaml", "kubectl apply -k none", "helm none", "helm install a spark-operator/spark-operator --set none=1",
		"helm install a b --set controller.none=1", "helm install a charts/none", "none",
	} {
		if err := known.check(Split(command)[0], false); err == nil {
			t.Errorf("%s: accepted", command)
		}
	}
}
