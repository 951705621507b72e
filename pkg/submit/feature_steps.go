// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"slices"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// featureSteps returns the built-in steps followed by those that the user asks
// for. Of these, only the step of Volcano is known here; others are Java classes.
func featureSteps(conf *driverConf) ([]constructor, error) {
	steps := builtInSteps(conf.switches)
	classes, err := conf.List(sparkconf.DriverPodFeatureSteps)
	if err != nil {
		return nil, err
	}
	builtIn := len(steps)
	for _, class := range classes {
		refuse := func(message string) error {
			return &Error{
				Message: message, Key: sparkconf.DriverPodFeatureSteps, Value: class,
				Hint: "native submission runs no Java steps: use a pod template, or submit with spark-submit",
			}
		}
		switch {
		case class == volcanoStepClass && conf.switches.volcanoStep:
			if len(steps) > builtIn {
				continue // once more it would make the same PodGroup
			}
			steps = append(steps, constructor{class, newVolcano})
		case slices.ContainsFunc(steps[:builtIn], func(c constructor) bool { return c.class == class }):
			return nil, refuse(class + ".<init>()") // it has no constructor without arguments
		case strings.HasPrefix(class, "java."):
			return nil, refuse("Failed to initialize feature step: " + class + ", please make sure your driver side " +
				"feature steps are implemented by `" + featurePackage + "KubernetesDriverCustomFeatureConfigStep` or `" +
				featurePackage + "KubernetesFeatureConfigStep`.")
		default:
			return nil, refuse(class) // the message of a ClassNotFoundException
		}
	}
	return steps, nil
}

// excludedFeatureSteps returns the classes of steps that are left out.
func excludedFeatureSteps(conf *driverConf) ([]string, error) {
	if !conf.switches.excludesFeatureSteps {
		return nil, nil
	}
	return conf.List(sparkconf.DriverPodExcludedFeatureSteps)
}
