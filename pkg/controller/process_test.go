// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"strconv"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/ktesting"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// process is one start of the controller. It is driven step by step; before each
// step its caches are filled from the cluster.
type process struct {
	*Controller
	cluster *cluster
	ctx     context.Context
	apps    cache.Store
	podList cache.Store
}

func (c *cluster) start(edits ...func(*Config)) *process {
	c.t.Helper()
	config := Config{Settings: run.Settings{
		Master: "k8s://https://10.0.0.1:443", UI: ui.Config{WebService: true},
		Settings: lifecycle.Settings{MaxTrackedExecutors: lifecycle.DefaultMaxTrackedExecutors, DriverGracePeriod: lifecycle.DefaultDriverGracePeriod},
	}}
	for _, edit := range edits {
		edit(&config)
	}
	set, err := informers.New(informers.Config{}, informers.Clients{Kube: c.kube, Spark: c.spark})
	if err != nil {
		c.t.Fatal(err)
	}
	controller, err := newController(config, run.Clients{Kube: c.kube, Spark: c.spark, Dynamic: c.dynamic}, set, c, c.metrics, c.clock)
	if err != nil {
		c.t.Fatal(err)
	}
	_, ctx := ktesting.NewTestContext(c.t)
	p := &process{Controller: controller, cluster: c, ctx: ctx}
	p.apps, p.podList = set.Applications.Store("ns"), set.Pods.Store("ns")
	return p
}

// refresh lets the caches see everything.
func (p *process) refresh() {
	c := p.cluster
	c.t.Helper()
	c.lock.Lock()
	version := strconv.Itoa(c.version)
	c.lock.Unlock()
	list, err := c.spark.Tracker().List(applicationsResource, v1beta2.SchemeGroupVersion.WithKind("SparkApplication"), "ns")
	if err != nil {
		c.t.Fatal(err)
	}
	var apps, pods []any
	for i := range list.(*v1beta2.SparkApplicationList).Items {
		apps = append(apps, informers.ApplicationOf(&list.(*v1beta2.SparkApplicationList).Items[i]))
	}
	for _, pod := range c.pods() {
		pods = append(pods, podview.Of(pod))
	}
	p.noteInLedger(pods)
	if err := errors.Join(p.apps.Replace(apps, version), p.podList.Replace(pods, version)); err != nil {
		c.t.Fatal(err)
	}
}

// noteInLedger calls what the events of pods would call.
func (p *process) noteInLedger(pods []any) {
	handler, exist := p.podHandler(), map[string]bool{}
	for i := range pods {
		pod := pods[i].(*podview.Pod)
		exist[pod.Name] = true
		handler.OnAdd(pod, false)
	}
	for _, object := range p.podList.List() {
		if pod := object.(*podview.Pod); !exist[pod.Name] {
			handler.OnDelete(cache.DeletedObject[*podview.Pod]{OptionalObj: pod})
		}
	}
}

// step refreshes the caches and syncs once.
func (p *process) step(name string) (time.Duration, error) {
	p.cluster.t.Helper()
	p.refresh()
	return p.syncOnce(name)
}

// syncOnce syncs with the caches as they are. A crash of the process is returned
// as errCrash.
func (p *process) syncOnce(name string) (after time.Duration, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			if cause, ok := reason.(error); ok && errors.Is(cause, errCrash) {
				err = errCrash
				return
			}
			panic(reason)
		}
	}()
	return p.sync(p.ctx, cache.NewObjectName("ns", name), 0)
}

// settle syncs until nothing changes any more.
func (p *process) settle(name string) (after time.Duration, err error) {
	c := p.cluster
	c.t.Helper()
	for range 50 {
		before := c.version
		c.collectGarbage()
		after, err = p.step(name)
		if errors.Is(err, errCrash) || c.version == before && err == nil && after != loop.CacheDelay {
			return after, err
		}
	}
	c.t.Fatalf("did not settle: last error %v, log %q", err, c.log)
	return 0, nil
}
