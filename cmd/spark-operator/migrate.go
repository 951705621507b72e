// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/pager"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/migrate"
)

func newMigrateCommand() *cobra.Command {
	group := &cobra.Command{Use: "migrate", Short: "Commands for the migration from kubeflow/spark-operator", PersistentPreRunE: plainErrors}
	group.AddCommand(newMigrateCheckCommand())
	return group
}

func newMigrateCheckCommand() *cobra.Command {
	access := newAccessOptions()
	var namespace, output string
	command := &cobra.Command{
		Use:   "check",
		Short: "Check how this operator will handle each application, schedule and SparkConnect of a cluster",
		Long: `Read the SparkApplications, ScheduledSparkApplications and SparkConnects of a
cluster and print for each whether it runs as before (same), runs with
differences (changes), or does not run again (refused), with the reason. The
command writes nothing.

The exit code is 1 if an object is refused.`,
		Args: func(_ *cobra.Command, arguments []string) error {
			if err := noArguments(arguments); err != nil {
				return err
			}
			if output != "text" && output != "json" {
				return fmt.Errorf("--output: %q is invalid; use text or json", output)
			}
			return nil
		},
		RunE: untilSignal(func(ctx context.Context, command *cobra.Command) error {
			client, err := access.dynamic("spark-operator-migrate")
			if err != nil {
				return err
			}
			findings, err := checkCluster(ctx, client, namespace)
			if err != nil {
				return err
			}
			if output == "json" {
				err = writeFindingsJSON(command.OutOrStdout(), findings)
			} else {
				err = writeFindings(command.OutOrStdout(), findings)
			}
			if err != nil {
				return err
			}
			if refused := countFindings(findings)[migrate.Refused]; refused > 0 {
				return fmt.Errorf("%d of %d objects would be refused", refused, len(findings))
			}
			return nil
		}),
	}
	fs := command.Flags()
	fs.StringVar(&access.Kubeconfig, "kubeconfig", "", kubeconfigUsage)
	fs.StringVarP(&namespace, "namespace", "n", "", "Namespace to read; all if empty.")
	fs.StringVarP(&output, "output", "o", "text", "Format of the output: text or json.")
	return command
}

// checkCluster judges all objects of a namespace, or of all if it is empty.
func checkCluster(ctx context.Context, client dynamic.Interface, namespace string) ([]migrate.Finding, error) {
	findings := []migrate.Finding{}
	for _, kind := range []struct {
		resource schema.GroupVersionResource
		judge    func(*unstructured.Unstructured) migrate.Finding
		optional bool
	}{
		{v1beta2.SchemeGroupVersion.WithResource("sparkapplications"), migrate.Application, false},
		{v1beta2.SchemeGroupVersion.WithResource("scheduledsparkapplications"), migrate.Schedule, false},
		// Older versions of kubeflow/spark-operator do not have the kind.
		{v1alpha1.SchemeGroupVersion.WithResource("sparkconnects"), migrate.Connect, true},
	} {
		resource := client.Resource(kind.resource).Namespace(namespace)
		pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return resource.List(ctx, options)
		})
		err := pages.EachListItem(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
			if one, ok := object.(*unstructured.Unstructured); ok {
				findings = append(findings, kind.judge(one))
			}
			return nil
		})
		if err != nil && !(kind.optional && apierrors.IsNotFound(err)) {
			return nil, fmt.Errorf("list %s: %w", kind.resource.Resource, err)
		}
	}
	migrate.Sort(findings)
	return findings, nil
}

func countFindings(findings []migrate.Finding) map[migrate.Result]int {
	count := map[migrate.Result]int{}
	for _, finding := range findings {
		count[finding.Result]++
	}
	return count
}

func writeFindings(out io.Writer, findings []migrate.Finding) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RESULT\tKIND\tNAMESPACE\tNAME\tSTATE\tDETAILS")
	for i := range findings {
		finding := &findings[i]
		details := finding.Details
		if len(details) == 0 {
			details = []string{""}
		}
		for j, detail := range details {
			if j == 0 {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", finding.Result, finding.Kind, finding.Namespace, finding.Name, finding.State, detail)
			} else {
				fmt.Fprintf(table, "\t\t\t\t\t%s\n", detail)
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	count := countFindings(findings)
	_, err := fmt.Fprintf(out, "\n%d objects: %d same, %d with changes, %d refused\n", len(findings), count[migrate.Same], count[migrate.Changes], count[migrate.Refused])
	return err
}

func writeFindingsJSON(out io.Writer, findings []migrate.Finding) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(findings)
}
