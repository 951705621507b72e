// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"

	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// keepTemplates makes the pod templates of the application win over the operator's
// default properties. In Spark a property wins over a template; but the user wrote
// the template, and a default never overrides the user.
func (c *conf) keepTemplates(defaults map[string]string) {
	if len(defaults) == 0 {
		return
	}
	for _, r := range []role{driverRole(c.app), executorRole(c.app)} {
		if r.Template == nil {
			continue
		}
		keep := func(value, own, common string) {
			if value == "" {
				return
			}
			_, ownDefault := defaults[own]
			_, commonDefault := defaults[common]
			_, commonGiven := c.app.Spec.SparkConf[common]
			if ownDefault || commonDefault && !commonGiven {
				c.set(own, value)
			}
		}
		pod := &r.Template.Spec
		for key, value := range r.Template.Labels {
			keep(value, r.keys.label+key, "")
		}
		for key, value := range r.Template.Annotations {
			keep(value, r.keys.annotation+key, "")
		}
		for key, value := range pod.NodeSelector {
			if _, given := c.app.Spec.NodeSelector[key]; !given {
				keep(value, r.keys.nodeSelector+key, sparkconf.NodeSelectorPrefix+key)
			}
		}
		keep(cmp.Or(pod.ServiceAccountName, pod.DeprecatedServiceAccount), r.keys.serviceAccount, "")
		keep(pod.SchedulerName, r.keys.schedulerName, sparkconf.SchedulerName)
		if i := podspec.SparkContainer(pod, r.name, c.app.Spec.SparkConf[r.name.ContainerNameKey()]); i >= 0 && valueOf(c.app.Spec.Image) == "" {
			keep(pod.Containers[i].Image, r.keys.image, sparkconf.ContainerImage)
		}
	}
}
