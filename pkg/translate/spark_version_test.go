// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

func TestSparkVersion(t *testing.T) {
	const newest = "4.3.0"
	for _, test := range []struct {
		text, image string
		want        string
		guessed     bool
		warning     string // a part of it; empty for none
	}{
		// Releases, with what vendors add.
		{text: "4.1.4", image: "spark:3.5.1", want: "4.1.4"},
		{text: "\tv3.5.1\n", want: "3.5.1"},
		{text: "3.5.1-amzn-0", want: "3.5.1-amzn-0"},
		{text: "v3.5.1-amzn-0", want: "3.5.1-amzn-0"},
		{text: "4.0.0-preview1", want: "4.0.0-preview1"},
		{text: "3.5.1+build", want: "3.5.1"},
		{text: "3.5.1.7", want: "3.5.1"},
		{text: "2.4.8", want: "2.4.8"},
		{text: "5.0.0", want: "5.0.0"},
		{text: "spark-3.5.0", want: "3.5.0", warning: "spark-3.5.0 is read as 3.5.0"},
		{text: "Spark 3.5.0", want: "3.5.0", warning: "read as 3.5.0"},
		{text: "jobs-1.2.3-spark3.5.1", want: "3.5.1", warning: "read as 3.5.1"},
		// What is left open is the newest.
		{text: "3.5", want: "3.5.9", warning: "3.5 is not a Spark release: submitted as 3.5.9"},
		{text: "3.5.x", want: "3.5.9", warning: "submitted as 3.5.9"},
		{text: "v4.2-custom", want: "4.2.1", warning: "submitted as 4.2.1"},
		{text: "3", want: "3.5.9", guessed: true, warning: "3 is not a Spark release: submitted as 3.5.9"},
		{text: "3.x", want: "3.5.9", guessed: true, warning: "submitted as 3.5.9"},
		{text: "4", want: newest, guessed: true, warning: "submitted as 4.3.0"},
		{text: "2", want: "2.0.0", warning: "submitted as 2.0.0"},
		{text: "3.2", want: "3.2.0", warning: "submitted as 3.2.0"},
		{text: "latest", want: newest, guessed: true, warning: "latest is not a Spark version: submitted as 4.3.0"},
		{text: "x.y", want: newest, guessed: true, warning: "x.y is not a Spark version"},
		{text: "20240101", want: newest, guessed: true, warning: "is not a Spark version"},
		{text: "2024.1.5", want: newest, guessed: true, warning: "is not a Spark version"},
		{text: "v", want: newest, guessed: true, warning: "is not a Spark version"},
		{want: newest, guessed: true, warning: "spec.sparkVersion is not set: submitted as 4.3.0"},
		// Evidence of the image.
		{image: "spark:4.0.5", want: "4.0.5", warning: "is not set: submitted as 4.0.5 for the tag of the image spark:4.0.5"},
		{text: "latest", image: "registry.example.com:5000/apache/spark:3.5.1-scala2.12-java17", want: "3.5.1", warning: "submitted as 3.5.1 for"},
		{text: "3", image: "apache/spark-py:v3.4.2@sha256:0123", want: "3.4.2", warning: "submitted as 3.4.2 for"},
		{text: "3.5", image: "team/jobs:12-spark3.5.4", want: "3.5.4", warning: "submitted as 3.5.4 for"},
		{image: "example.org/team/spark:3.5", want: "3.5.9", warning: "submitted as 3.5.9 for"},
		{image: "example.org/spark:3.2-latest", want: "3.2.0", warning: "submitted as 3.2.0 for"},
		{text: "3", image: "spark:4.0.5", want: "3.5.9", guessed: true, warning: "submitted as 3.5.9"}, // it contradicts
		{image: "team/pipeline:3.5.1", want: newest, guessed: true, warning: "submitted as 4.3.0"},     // the pipeline's own
		{image: "team/spark-jobs:3.5.1", want: newest, guessed: true, warning: "submitted as 4.3.0"},
		{image: "spark@sha256:35", want: newest, guessed: true, warning: "submitted as 4.3.0"},
		{image: "spark:latest", want: newest, guessed: true, warning: "submitted as 4.3.0"},
		{image: "spark:20240101", want: newest, guessed: true, warning: "submitted as 4.3.0"},
		{image: "spark-3.5.1/base:1.2.3", want: newest, guessed: true, warning: "submitted as 4.3.0"},
	} {
		app := &v1beta2.SparkApplication{Spec: v1beta2.SparkApplicationSpec{SparkVersion: test.text, Image: &test.image}}
		got := translate.SparkVersionOf(app)
		if got.String() != test.want || got.Guessed != test.guessed ||
			(test.warning == "") != (got.Warning == "") || !strings.Contains(got.Warning, test.warning) {
			t.Errorf("%q with image %q is %+v, want %s, guessed: %t, warning %q", test.text, test.image, got, test.want, test.guessed, test.warning)
		}
	}
}

// A version outside of the known ones is taken for the nearest, with one warning;
// the newest one that stands in for others is known.
func TestSparkVersionWarnings(t *testing.T) {
	for text, want := range map[string][]string{
		"": {"submitted as 4.1.4 for the tag"}, sparkconf.NewestRelease().String(): nil, "2.4.8": {"older"}, "9.0.0": {"newer"},
		"latest": {"latest is not a Spark version"},
	} {
		expectWarnings(t, build(t, func(app *v1beta2.SparkApplication) { app.Spec.SparkVersion = text }), want...)
	}
}

// Nothing is added that the real Spark may not have if the version is a guess.
func TestGuessedVersionAddsNothing(t *testing.T) {
	for version, want := range map[string]bool{"": false, "4": false, "latest": false, "4.3": true, "4.3.0": true} {
		run := build(t, func(app *v1beta2.SparkApplication) {
			app.Spec.SparkVersion, app.Spec.Image = version, ptr.To("team/job:1")
		})
		container := sparkContainer(run.Driver)
		port := slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == "spark-connect" })
		if (run.NetworkPolicy != nil) != want || (container.SecurityContext != nil) != want || port != want || (len(run.Service.Spec.Ports) == 4) != want {
			t.Errorf("%q: network policy %t, security context %t, connect port %t, ports of the Service: %d; want them: %t", version,
				run.NetworkPolicy != nil, container.SecurityContext != nil, port, len(run.Service.Spec.Ports), want)
		}
	}
}
