// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/util/workqueue"
	cliflag "k8s.io/component-base/cli/flag"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/features"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/permissions"
)

// checkedOptions are the flags of a process whose permissions can be checked.
type checkedOptions interface {
	processOptions
	permissions() []permissions.Permission
	access() *AccessOptions
}

func newAuthCheckCommand() *cobra.Command {
	controller, err := NewControllerOptions()
	command := authCheck(&cobra.Command{
		Use:   "auth-check [controller start]",
		Short: "Check the permissions of the controller",
		Long: `Print each permission that the controller needs with the given flags, and whether
this account has it. The command asks the API server with
SelfSubjectAccessReviews and changes nothing. "auth-check webhook" does the same
for the webhook.

The command accepts every flag of "controller start": put "auth-check" in front
of the arguments of the process. It lists only the flags that change the
permissions. To check the service account of the operator from outside the
cluster, set "as" of the user in the kubeconfig file.

The exit code is 1 if a permission is missing. Optional permissions may be
missing: the process then works without one feature.`,
		Example: `  # In the cluster, with the flags of the process.
  kubectl exec deployment/spark-operator-controller -- /usr/bin/spark-operator auth-check --namespaces=jobs,etl --leader-election

  # With a kubeconfig file, as JSON.
  spark-operator auth-check controller start --kubeconfig=operator.kubeconfig --enable-batch-scheduler -o json

  # The Roles for an installation with controller.rbac.create=false. Asks no API server.
  spark-operator auth-check --namespaces=jobs -o rbac`,
	}, "spark-operator-controller", controller, err, "controller", "start")
	webhook, err := NewWebhookOptions()
	command.AddCommand(authCheck(&cobra.Command{
		Use:   "webhook [start]",
		Short: "Check the permissions of the webhook",
		Long: `Print each permission that the webhook needs with the given flags, and whether
this account has it. The command accepts every flag of "webhook start"; see
"spark-operator auth-check --help".`,
		Example: `  spark-operator auth-check webhook start --namespaces=jobs --leader-election --webhook-secret-name=spark-operator-webhook-certs`,
	}, "spark-operator-webhook", webhook, err, "start"))
	return command
}

// authCheck completes a command that checks the permissions that options need. Process is
// what the command line of the process may have in front of its flags, and name that of
// its roles in the chart.
func authCheck[O checkedOptions](command *cobra.Command, name string, options O, err error, process ...string) *cobra.Command {
	var output string
	command.PersistentPreRunE = plainErrors
	command.Args = func(_ *cobra.Command, arguments []string) error {
		if err != nil {
			return err
		}
		for i, argument := range arguments {
			if i >= len(process) || argument != process[i] {
				return noArguments(arguments[i:])
			}
		}
		if !slices.Contains(outputs, output) {
			return fmt.Errorf("--output: %q is invalid; use %s", output, strings.Join(outputs, ", "))
		}
		return options.Validate()
	}
	command.RunE = untilSignal(func(ctx context.Context, command *cobra.Command) error {
		needed := options.permissions()
		if output == "rbac" {
			return writeRoles(command.OutOrStdout(), name, needed)
		}
		config, err := options.access().load("spark-operator-auth-check")
		if err != nil {
			return err
		}
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return fmt.Errorf("connection to the API server: %w", err)
		}
		answers, err := review(ctx, client.AuthorizationV1().SelfSubjectAccessReviews(), needed)
		if err != nil {
			return oneLineError(err)
		}
		return writeAnswers(command.OutOrStdout(), output, answers)
	})
	if err != nil {
		return command
	}
	var sets cliflag.NamedFlagSets
	options.AddFlags(&sets)
	for _, fs := range sets.FlagSets {
		fs.VisitAll(func(f *pflag.Flag) { f.Hidden = !decidesPermissions(f.Name) })
		command.Flags().AddFlagSet(fs)
	}
	command.Flags().StringVarP(&output, "output", "o", "table", "Format of the output: table, json, or rbac for Roles that grant the permissions.")
	return command
}

var outputs = []string{"table", "json", "rbac"}

// decidesPermissions reports whether a flag changes which permissions are needed or how
// the API server is reached.
func decidesPermissions(flag string) bool {
	return slices.Contains([]string{
		"kubeconfig", "namespaces", "namespace-selector", "leader-election", "leader-election-lock-name", "leader-election-lock-namespace",
		"node-loss-grace-period", "enable-driver-pdb", "enable-connect", "enable-connect-authentication", "enable-batch-scheduler", "secure-metrics", "metrics-bind-address",
		"enable-resource-quota-enforcement", "enable-cert-manager", "webhook-secret-name", "webhook-secret-namespace",
		"mutating-webhook-name", "validating-webhook-name", "feature-gates",
	}, flag)
}

func (o *ControllerOptions) access() *AccessOptions { return &o.AccessOptions }

func (o *ControllerOptions) permissions() []permissions.Permission {
	needs := permissions.Controller{
		Scopes: o.scopes(), Selects: o.NamespaceSelector != "", Lease: o.Election.lease(), NodeLoss: o.NodeLossGracePeriod > 0,
		DisruptionBudgets: o.EnableDriverPDB, BatchScheduling: o.EnableBatchScheduler, Routes: o.RouteURLFormat != "", Connect: o.EnableConnect,
		ConnectTokens: o.EnableConnect && o.ConnectAuthentication,
		SecureMetrics: o.Serving.checksScrapes(),
	}
	return needs.List()
}

func (o *WebhookOptions) access() *AccessOptions { return &o.AccessOptions }

func (o *WebhookOptions) permissions() []permissions.Permission {
	needs := permissions.Webhook{
		Scopes: o.scopes(), Selects: o.NamespaceSelector != "", Lease: o.Election.lease(), Quotas: o.Quota,
		Applications:    o.Gates.Enabled(features.PartialRestart),
		SecretNamespace: o.SecretNamespace, Secret: o.SecretName, Manages: !o.CertManager,
		Mutating: o.MutatingName, Validating: o.ValidatingName, SecureMetrics: o.Serving.checksScrapes(),
	}
	return needs.List()
}

// scopes returns the namespaces that the caches watch, which are valid; the empty name
// stands for all.
func (o *ScopeOptions) scopes() []string {
	namespaces, _ := selector(o.NamespaceSelector)
	return informers.NewNamespaces(o.Namespaces, namespaces, nil).Scopes()
}

func (o *LeaderElectionOptions) lease() permissions.Lease {
	if !o.Enabled {
		return permissions.Lease{}
	}
	return permissions.Lease{Namespace: o.LockNamespace, Name: o.LockName}
}

// answer is what the API server says about a permission.
type answer struct {
	permissions.Permission
	Allowed bool `json:"allowed"`
	// Reason is what the authorizer says; it is often empty.
	Reason string `json:"reason,omitempty"`
}

func (a *answer) result() string {
	switch {
	case a.Allowed:
		return "allowed"
	case a.Optional:
		return "missing (optional)"
	}
	return "missing"
}

// concurrentReviews keeps the command short where there are many namespaces.
const concurrentReviews = 8

// review asks the API server about each permission.
func review(ctx context.Context, client authorizationclient.SelfSubjectAccessReviewInterface, needed []permissions.Permission) ([]answer, error) {
	answers, failed := make([]answer, len(needed)), make([]error, len(needed))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workqueue.ParallelizeUntil(ctx, concurrentReviews, len(needed), func(i int) {
		p := &needed[i]
		resource, subresource, _ := strings.Cut(p.Resource, "/")
		result, err := client.Create(ctx, &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: p.Verb, Group: p.Group, Resource: resource, Subresource: subresource, Name: p.Name, Namespace: p.Namespace,
			},
		}}, metav1.CreateOptions{})
		if err != nil {
			failed[i] = fmt.Errorf("ask the API server about %s: %w", p.Verb+" "+resourceName(p), err)
			cancel() // the others would fail likewise
			return
		}
		answers[i] = answer{Permission: *p, Allowed: result.Status.Allowed, Reason: strings.TrimSpace(result.Status.Reason + " " + result.Status.EvaluationError)}
	})
	for _, err := range failed {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	return answers, context.Cause(ctx)
}

// resourceName returns the resource as kubectl writes it: resource.group/name.
func resourceName(p *permissions.Permission) string {
	name := p.Resource
	if p.Group != "" {
		resource, subresource, has := strings.Cut(p.Resource, "/")
		name = resource + "." + p.Group
		if has {
			name += "/" + subresource
		}
	}
	if p.Name != "" {
		name += " " + p.Name
	}
	return name
}

// writeAnswers prints the answers, and returns an error if one that is needed is no.
func writeAnswers(out io.Writer, format string, answers []answer) error {
	missing := 0
	for i := range answers {
		if !answers[i].Allowed && !answers[i].Optional {
			missing++
		}
	}
	write := writeAnswerTable
	if format == "json" {
		write = writeAnswersJSON
	}
	if err := write(out, answers); err != nil {
		return err
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d permissions are missing", missing, len(answers))
	}
	return nil
}

func writeAnswersJSON(out io.Writer, answers []answer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answers)
}

func writeAnswerTable(out io.Writer, answers []answer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERB\tRESOURCE\tNAMESPACE\tRESULT\tNEEDED FOR")
	for i := range answers {
		a := &answers[i]
		namespace := a.Namespace
		switch {
		case a.Cluster:
			namespace = "-"
		case namespace == "":
			namespace = "*"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", a.Verb, resourceName(&a.Permission), namespace, a.result(), a.For)
	}
	return table.Flush()
}

// writeRoles prints the roles as YAML.
func writeRoles(out io.Writer, name string, needed []permissions.Permission) error {
	cluster, roles := permissions.Roles(name, needed)
	var all []any
	if cluster != nil {
		all = append(all, cluster)
	}
	for _, role := range roles {
		all = append(all, role)
	}
	for _, role := range all {
		text, err := yaml.Marshal(role)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "---\n%s", text); err != nil {
			return err
		}
	}
	return nil
}
