// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// TestDashboardsFollowGrafanasSchema: no field is unknown to Grafana or has another type there.
func TestDashboardsFollowGrafanasSchema(t *testing.T) {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	for file := range dashboards(t) {
		content, err := os.ReadFile(filepath.Join(chart, "dashboards", file))
		if err != nil {
			t.Fatal(err)
		}
		var parsed dashboard.Dashboard //nolint:staticcheck // Grafana 10 and 11 do not know version 2 of the schema.
		// An error without text is an empty list.
		if err := parsed.UnmarshalJSONStrict(content); err != nil && err.Error() != "" {
			t.Errorf("%s: %v", file, err)
		}
		if err := parsed.Validate(); err != nil && err.Error() != "" {
			t.Errorf("%s: %v", file, err)
		}
	}
}
