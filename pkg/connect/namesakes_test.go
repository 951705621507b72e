// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

func TestForeignObjectsAreReportedAndKept(t *testing.T) {
	other := metav1.ObjectMeta{Namespace: "jobs", UID: "foreign"}
	named := func(name string) metav1.ObjectMeta { m := other; m.Name = name; return m }
	for noun, create := range map[string]func(c *cluster) error{
		"pod": func(c *cluster) error {
			return c.kube.Tracker().Create(podsResource, &corev1.Pod{ObjectMeta: named("lab-server")}, "jobs")
		},
		"Service": func(c *cluster) error {
			return c.kube.Tracker().Create(servicesResource, &corev1.Service{ObjectMeta: named("lab-server")}, "jobs")
		},
		"ConfigMap": func(c *cluster) error {
			return c.kube.Tracker().Create(configMapsResource, &corev1.ConfigMap{ObjectMeta: named("lab-conf")}, "jobs")
		},
	} {
		t.Run(noun, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.must(create(c))
				c.add(connect())
				c.letPass(time.Hour)
				c.want(provisioning, reasonNameTaken, noun+" lab-")
				if len(c.log) > 3 {
					t.Errorf("writes %q", c.log)
				}
				for _, write := range c.log {
					if strings.HasPrefix(write, "delete") || strings.HasPrefix(write, "update "+strings.ToLower(noun)) {
						t.Errorf("%s", write)
					}
				}
			})
		})
	}
}

// TestServerOfADeletedObjectIsWaitedFor: an object is deleted and created again while the garbage
// collector has not deleted what belonged to the first one. The next server starts after that, with
// a token of its own, and nothing of the first one is touched.
func TestServerOfADeletedObjectIsWaitedFor(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(generated)
		token := string(c.secret("lab-token").Data["token"])
		c.change(func() {
			c.silent = true
			c.must(c.spark.Tracker().Delete(connectsResource, "jobs", "lab"))
		})
		c.letPass(time.Second)
		writes := len(c.log)
		c.add(connect(generated))
		c.letPass(time.Hour)
		c.want(provisioning, reconcile.NameInUse, "belongs to an earlier SparkConnect lab; the garbage collector will delete it")
		for _, write := range c.log[writes:] {
			if !strings.HasPrefix(write, "update sparkconnects") {
				t.Errorf("%s", write)
			}
		}
		c.change(func() { // the collector's work, but for the pod, which ends
			c.must(c.kube.Tracker().Delete(secretsResource, "jobs", "lab-token"))
			c.must(c.kube.Tracker().Delete(configMapsResource, "jobs", "lab-conf"))
			c.must(c.kube.Tracker().Delete(servicesResource, "jobs", "lab-server"))
			pod := c.pod().DeepCopy()
			pod.DeletionTimestamp, pod.ResourceVersion = ptr.To(metav1.Now()), c.nextVersion()
			c.must(c.kube.Tracker().Update(podsResource, pod, "jobs"))
		})
		c.letPass(10 * time.Minute)
		c.want(provisioning, reconcile.NameInUse, "pod lab-server of SparkConnect lab is being deleted")
		if len(c.pods) != 1 {
			t.Fatalf("%d server pods at once", len(c.pods))
		}
		c.change(func() { c.silent = false })
		c.letPass(10 * time.Minute)
		c.report(running(true))
		c.want(ready, reasonReady, "")
		if len(c.pods) != 2 || c.count(eventStarted) != 2 || string(c.secret("lab-token").Data["token"]) == token {
			t.Errorf("%d pods, events %q", len(c.pods), c.events)
		}
	})
}
