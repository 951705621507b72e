// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/spark-operator/spark-operator/manifests/crd"
	"github.com/spark-operator/spark-operator/pkg/crds"
)

func newCRDsCommand() *cobra.Command {
	group := &cobra.Command{Use: "crds", Short: "Commands for the CRDs of the operator", PersistentPreRunE: plainErrors}
	group.AddCommand(newCRDsApplyCommand(), newCRDsPrintCommand())
	return group
}

func newCRDsApplyCommand() *cobra.Command {
	access := newAccessOptions()
	options := crds.Options{Timeout: 30 * time.Second}
	command := &cobra.Command{
		Use:   "apply",
		Short: "Install or upgrade the CRDs of this version",
		Long: `Install or upgrade the CRDs of this version with a server-side apply. The
command upgrades CRDs of kubeflow/spark-operator in place and does not change
objects.

It never removes a version in which objects may be stored. If an installed CRD
has fields that this version lacks, the API server would drop these fields from
objects. Then the command changes nothing, and its exit code is 1.`,
		Args: cobra.NoArgs,
		RunE: untilSignal(func(ctx context.Context, command *cobra.Command) error {
			client, err := access.dynamic("spark-operator-crds")
			if err != nil {
				return err
			}
			wanted, err := crds.Read(crd.Files)
			if err != nil {
				return err
			}
			return oneLineError(crds.Apply(ctx, client, wanted, options, command.OutOrStdout()))
		}),
	}
	fs := command.Flags()
	fs.StringVar(&access.Kubeconfig, "kubeconfig", "", kubeconfigUsage)
	fs.BoolVar(&options.DryRun, "dry-run", false, "Validate the CRDs on the API server without changing them.")
	fs.DurationVar(&options.Timeout, "timeout", options.Timeout, "How long to wait until the API server serves a CRD.")
	return command
}

func newCRDsPrintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "print",
		Short: "Print the CRDs of this version as YAML",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			entries, err := crd.Files.ReadDir(".")
			if err != nil {
				return err
			}
			for _, entry := range entries {
				text, err := crd.Files.ReadFile(entry.Name())
				if err != nil {
					return err
				}
				if _, err := command.OutOrStdout().Write(text); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
