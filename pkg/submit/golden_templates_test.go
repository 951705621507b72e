// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// TestGoldensWithGivenTemplates feeds the recorded template files as values, the
// way in which a controller without a file system gives them: the objects must
// be those that the real client makes of the files.
func TestGoldensWithGivenTemplates(t *testing.T) {
	// Plain scalars of these files mean something else to the YAML reader of
	// Kubernetes' tools, with which this test makes values of the files.
	dialect := []string{"template-anchors", "template-block-scalars"}
	goldens, _ := readGoldens(t)
	drivers, executors := 0, 0
	for version, cases := range goldens {
		for _, c := range cases {
			in, ended := commandLine(c)
			if ended != nil || c.Error != nil || slices.Contains(dialect, c.Case) {
				continue
			}
			driver, executor := givenTemplates(&in)
			if !driver && !executor {
				continue
			}
			if driver {
				drivers++
			}
			if executor {
				executors++
			}
			t.Run(version+"/"+c.Case, func(t *testing.T) {
				for _, d := range compare(c, in) {
					t.Error(d)
				}
			})
		}
	}
	if drivers == 0 || executors == 0 {
		t.Errorf("%d recordings with a driver template, %d with an executor template", drivers, executors)
	}
}

// givenTemplates moves template files of the input into its fields and reports
// which there were.
func givenTemplates(in *submit.Input) (driver, executor bool) {
	file := func(key string) (string, []byte) {
		name := strings.TrimPrefix(in.Conf[key], "file:")
		if !path.IsAbs(name) {
			name = path.Join(in.WorkingDir, name)
		}
		return path.Clean(name), in.Files[path.Clean(name)]
	}
	if name, content := file(sparkconf.DriverPodTemplateFile); content != nil {
		var template corev1.PodTemplateSpec
		if yaml.Unmarshal(content, &template) == nil {
			in.DriverTemplate, driver = &template, true
			delete(in.Files, name)
		}
	}
	if name, content := file(sparkconf.ExecutorPodTemplateFile); content != nil {
		in.ExecutorTemplate, executor = content, true
		delete(in.Files, name)
		delete(in.Conf, sparkconf.ExecutorPodTemplateFile)
	}
	return driver, executor
}
