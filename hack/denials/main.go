// SPDX-License-Identifier: Apache-2.0

// Command denials prints the denial list of spec.sparkConf for the admission policies of
// the chart.
//
// Usage: go run ./hack/denials
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/validation"
)

// list is the denial list as the chart reads it.
type list struct {
	// Keys and Prefixes have the reason of each denial by the name of the property, or by
	// the beginning of its name.
	Keys     map[string]string `json:"keys"`
	Prefixes map[string]string `json:"prefixes"`
	// Unless has the beginning of the values that are allowed.
	Unless map[string]string `json:"unless"`
}

func main() {
	denials := list{Keys: map[string]string{}, Prefixes: map[string]string{}, Unless: map[string]string{}}
	for _, denial := range validation.Denials() {
		if denial.Prefix {
			denials.Prefixes[denial.Key] = denial.Reason
		} else {
			denials.Keys[denial.Key] = denial.Reason
		}
		if denial.Unless != "" {
			denials.Unless[denial.Key] = denial.Unless
		}
	}
	text, err := yaml.Marshal(denials)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("# The denial list of spec.sparkConf. Generated from pkg/validation by make generate-chart.\n%s", text)
}
