// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

func TestIdleTimeoutsWithoutEffectAreRefused(t *testing.T) {
	none := func(*v1alpha1.SparkConnect) {}
	for name, test := range map[string]struct {
		timeout time.Duration
		edit    func(*v1alpha1.SparkConnect)
		want    string
	}{
		"zero":     {0, none, `spec.idleTimeout: Invalid value: "0s": must be at least 1m0s; remove it to keep idle servers`},
		"negative": {-5 * time.Minute, none, `spec.idleTimeout: Invalid value: "-5m0s": must be at least 1m0s`},
		"short":    {59 * time.Second, none, `spec.idleTimeout: Invalid value: "59s": must be at least 1m0s`},
		"above maxAge": {2 * time.Hour, func(c *v1alpha1.SparkConnect) { c.Spec.MaxAge = &metav1.Duration{Duration: time.Hour} },
			`spec.idleTimeout: Invalid value: "2h0m0s": must not be above spec.maxAge, 1h0m0s`},
		"Spark 3.4": {time.Hour, func(c *v1alpha1.SparkConnect) { c.Spec.SparkVersion = "3.4.4" },
			`spec.idleTimeout: Invalid value: "1h0m0s": Spark 3.4.4 does not show whether its server is in use`},
		"no web UI": {time.Hour, func(c *v1alpha1.SparkConnect) { c.Spec.SparkConf = map[string]string{"spark.ui.enabled": " False "} },
			`spec.idleTimeout: Invalid value: "1h0m0s": needs the web UI, which spec.sparkConf[spark.ui.enabled] turns off`},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidateSparkConnect(newConnect(func(c *v1alpha1.SparkConnect) {
				c.Spec.IdleTimeout = &metav1.Duration{Duration: test.timeout}
				test.edit(c)
			}))
			if len(errs) != 1 || !strings.Contains(errs[0].Error(), test.want) {
				t.Errorf("%v, want %s", errs, test.want)
			}
		})
	}
	for _, version := range []string{"3.5.1", "4.3.0"} {
		errs := ValidateSparkConnect(newConnect(func(c *v1alpha1.SparkConnect) {
			c.Spec.SparkVersion, c.Spec.IdleTimeout, c.Spec.MaxAge = version, &metav1.Duration{Duration: time.Hour}, &metav1.Duration{Duration: time.Hour}
			c.Spec.SparkConf = map[string]string{"spark.ui.enabled": "true"}
		}))
		if len(errs) > 0 {
			t.Errorf("Spark %s: %v", version, errs)
		}
	}
}

func TestWebUIsThatTheOperatorCannotReadAreWarnedAbout(t *testing.T) {
	for key, value := range map[string]string{"spark.ui.filters": "org.example.Login", "spark.ssl.enabled": "true", "spark.ssl.ui.enabled": "true"} {
		_, warnings := ConnectStart(newConnect(func(c *v1alpha1.SparkConnect) {
			c.Spec.IdleTimeout, c.Spec.SparkConf = &metav1.Duration{Duration: time.Hour}, map[string]string{key: value}
		}))
		if text := strings.Join(warnings, "\n"); !strings.Contains(text, "spec.idleTimeout: no effect if the operator cannot read the web UI without login and TLS, because of spec.sparkConf["+key+"]") {
			t.Errorf("%s: warnings %s", key, text)
		}
	}
}
