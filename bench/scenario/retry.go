// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// Retry runs applications of which three in ten fail once: two by their own fault
// and one by the loss of its node. Another one in ten has trouble with its image.
func Retry(ctx context.Context, s *Setup, apps int) (*report.Result, error) {
	fates := &fates{drivers: map[string]int{}}
	return s.run(ctx, course{
		name:    "retry",
		retries: true,
		kubelet: kubelet.Config{LifeOf: fates.lifeOf},
		load: func(l *leg) error {
			err := l.observer.Burst(l.ctx, apps, func(n int) *v1beta2.SparkApplication {
				return load.Retrying(load.Application(namespace, load.Name("retry", n), 0), 3)
			})
			if err != nil {
				return err
			}
			return l.observer.WaitEnded(l.ctx, namespace, apps)
		},
		judge: func(l *leg, result *report.Result) error {
			attempts, wrong := 0, 0
			for _, app := range l.observer.Apps(namespace) {
				attempts += app.Attempts
				if app.Attempts != wantedAttempts(app.Name) || app.State != v1beta2.ApplicationStateCompleted {
					wrong++
				}
			}
			result.Extra = map[string]float64{"attempts": float64(attempts), "wrongEnds": float64(wrong)}
			return nil
		},
	})
}

// fates lets drivers end by the name of their application and their attempt.
type fates struct {
	lock    sync.Mutex
	drivers map[string]int
}

func (f *fates) lifeOf(driver *corev1.Pod) kubelet.Life {
	name := driver.Labels[v1beta2.LabelSparkAppName]
	f.lock.Lock()
	defer f.lock.Unlock()
	f.drivers[driver.Namespace+"/"+name]++
	life := kubelet.Life{Run: burstRun}
	if driver.Namespace == namespace && f.drivers[driver.Namespace+"/"+name] == 1 {
		life.Outcome = outcomeOf(name)
	}
	return life
}

// wantedAttempts is how many runs an application needs whose first ends like that.
func wantedAttempts(app string) int {
	switch outcomeOf(app) {
	case kubelet.Fail, kubelet.LoseNode:
		return 2
	case kubelet.Succeed, kubelet.FailPull:
	}
	return 1
}

// outcomeOf is how the first run of an application ends.
func outcomeOf(app string) kubelet.Outcome {
	n, err := strconv.Atoi(app[strings.LastIndexByte(app, '-')+1:])
	if err != nil {
		return kubelet.Succeed
	}
	switch n % 10 {
	case 0, 1:
		return kubelet.Fail
	case 2:
		return kubelet.LoseNode
	case 3:
		return kubelet.FailPull
	}
	return kubelet.Succeed
}
