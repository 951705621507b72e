// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spark-operator/spark-operator/internal/document"
)

// TestFlagsReference: docs/flags.md has every flag of every command.
func TestFlagsReference(t *testing.T) {
	const file = "../../docs/flags.md"
	var page strings.Builder
	page.WriteString("# Flags\n\nAll commands and flags of the binary `spark-operator`. This page is generated: `go test ./cmd/spark-operator -update`.\n")
	writeCommand(&page, newCommand())
	document.Compare(t, file, page.String())
}

func writeCommand(page *strings.Builder, command *cobra.Command) {
	if command.Runnable() {
		fmt.Fprintf(page, "\n## %s\n\n%s.\n", command.CommandPath(), command.Short)
		var rows strings.Builder
		command.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			name := "`--" + f.Name + "`"
			if f.Shorthand != "" {
				name += ", `-" + f.Shorthand + "`"
			}
			standard := ""
			if f.DefValue != "" && f.DefValue != "[]" {
				standard = "`" + f.DefValue + "`"
			}
			usage := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(f.Usage)
			fmt.Fprintf(&rows, "| %s | %s | %s |\n", name, standard, usage)
		})
		if rows.Len() > 0 {
			page.WriteString("\n| Flag | Default | Meaning |\n|---|---|---|\n" + rows.String())
		}
	}
	for _, child := range command.Commands() {
		writeCommand(page, child)
	}
}
