// SPDX-License-Identifier: Apache-2.0

// Package features names the feature gates of the operator. They are read in
// cmd/ only; everything else gets what follows from them as configuration.
package features

import (
	"k8s.io/component-base/featuregate"
)

// Every gate has a comment of this form:
//
//	// owner: who is responsible for it
//	// alpha: since which version, off by default
//	// beta: since which version, on by default
//	// What it does.
const (
	// owner: spark-operator
	// alpha: v0.1
	// Edits of the placement of executors (affinity, nodeSelector, priorityClassName,
	// schedulerName, tolerations) do not start a new run.
	PartialRestart featuregate.Feature = "PartialRestart"

	// owner: spark-operator
	// alpha: v0.1
	// Known for compatibility: --default-time-to-live-seconds works without it.
	DefaultTimeToLive featuregate.Feature = "DefaultTimeToLive"

	// owner: spark-operator
	// alpha: v0.1
	// Known for compatibility and without effect: it concerns files beside
	// spark-submit, which is not run.
	LoadSparkDefaults featuregate.Feature = "LoadSparkDefaults"

	// owner: spark-operator
	// alpha: v0.1
	// Known for compatibility and without effect: submission is built in.
	RestSubmitter featuregate.Feature = "RestSubmitter"
)

// NewGate returns a gate that knows all features with their defaults.
func NewGate() (featuregate.MutableFeatureGate, error) {
	gate := featuregate.NewFeatureGate()
	err := gate.Add(map[featuregate.Feature]featuregate.FeatureSpec{
		PartialRestart:    {PreRelease: featuregate.Alpha},
		DefaultTimeToLive: {PreRelease: featuregate.Alpha},
		LoadSparkDefaults: {PreRelease: featuregate.Alpha},
		RestSubmitter:     {PreRelease: featuregate.Alpha},
	})
	return gate, err
}
