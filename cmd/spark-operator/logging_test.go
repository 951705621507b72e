// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/spf13/pflag"
)

// From level 8 on, client-go logs the bodies of requests.
func TestVerbosityNeverShowsRequests(t *testing.T) {
	for argument, want := range map[string]bool{
		"--v=10": true, "--v=8": true, "--zap-log-level=100": true, "--vmodule=request=9": true,
		"--v=7": false, "--vmodule=request=7,loop=2": false, "--zap-log-level=debug": false,
	} {
		options := newLoggingOptions()
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		options.AddFlags(fs)
		if err := fs.Parse([]string{argument}); err != nil {
			t.Fatal(err)
		}
		if err := options.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := options.limit(); got != want {
			t.Errorf("%s: limited %t", argument, got)
		}
		if options.config.Verbosity > maxVerbosity || len(options.config.VModule) > 0 && options.config.VModule[0].Verbosity > maxVerbosity {
			t.Errorf("%s: %d, %v", argument, options.config.Verbosity, options.config.VModule)
		}
	}
}
