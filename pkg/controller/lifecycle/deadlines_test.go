// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func TestStartingExecutors(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplicationSpec)
		want int32
	}{
		"default": {func(*v1beta2.SparkApplicationSpec) {}, 1},
		"field":   {func(s *v1beta2.SparkApplicationSpec) { s.Executor.Instances = ptr.To[int32](3) }, 3},
		"property": {func(s *v1beta2.SparkApplicationSpec) {
			s.SparkConf = map[string]string{"spark.executor.instances": "4"}
		}, 4},
		"property that is no number": {func(s *v1beta2.SparkApplicationSpec) {
			s.SparkConf = map[string]string{"spark.executor.instances": "many"}
		}, 1},
		"dynamic": {func(s *v1beta2.SparkApplicationSpec) {
			s.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true}
			s.Executor.Instances = ptr.To[int32](3)
		}, 0},
		"dynamic with least": {func(s *v1beta2.SparkApplicationSpec) {
			s.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true, MinExecutors: ptr.To[int32](2)}
		}, 2},
		"dynamic by properties": {func(s *v1beta2.SparkApplicationSpec) {
			s.SparkConf = map[string]string{"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.minExecutors": "5"}
		}, 5},
	} {
		app := newApplication("pi")
		test.edit(&app.Spec)
		v1beta2.SetObjectDefaults_SparkApplication(app)
		if got := startingExecutors(app); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
