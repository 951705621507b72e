// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/connect/probe"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// input is everything that a decision needs.
type input struct {
	// connect shares memory with the cache and is not changed.
	connect *v1alpha1.SparkConnect
	// pod has the name of the server pod, whoever controls it; nil if there is none.
	pod *podview.Pod
	// executors are those of pod.
	executors []*podview.Pod
	now       time.Time
	// hash is that of what a server pod is built from.
	hash string
	// report and obstacle are what the pod shows of how the server is; obstacle is nil if
	// nothing keeps it from running.
	report   diagnosis.Report
	obstacle *diagnosis.Obstacle
	// events is the last read of the events of pod.
	events eventRead
	// probed is what the probes of pod showed; nil if there are none.
	probed *probe.View

	hide func(string) string
	// refused is the result of refusal, once it was asked for.
	refused *string
}

// observe looks the pods up in the cache. It makes no API calls.
func (c *Controller) observe(connect *v1alpha1.SparkConnect) (*input, error) {
	in := &input{connect: connect, now: c.clock.Now(), hide: c.config.Redact, hash: specHash(&connect.Spec)}
	if pod, found := c.pods.Get(cache.NewObjectName(connect.Namespace, translate.ConnectServerName(connect))); found {
		in.pod = pod
		in.report = diagnosis.ReportDriver(pod)
		in.obstacle = diagnosis.Diagnose(pod, in.now)
		in.events = c.events.of(cache.MetaObjectToName(connect), pod.UID)
		executors, err := c.pods.ByIndex(connect.Namespace, informers.ExecutorsByServer, string(pod.UID))
		if err != nil {
			return nil, fmt.Errorf("find executors: %w", err)
		}
		in.executors = executors
		if view, followed := c.prober.View(cache.MetaObjectToName(connect), pod.UID); followed {
			in.probed = &view
		}
	}
	return in, nil
}

// refusal says why no server can be made of the spec; empty if one can.
func (in *input) refusal() string {
	if in.refused == nil {
		text := refusalOf(in.connect)
		in.refused = &text
	}
	return *in.refused
}

func refusalOf(connect *v1alpha1.SparkConnect) string {
	if unreadable, isStub := informers.DecodeError(connect); isStub {
		return "the object cannot be decoded: " + unreadable + "; correct the field"
	}
	if errs, _ := validation.ValidateStoredSparkConnect(connect); len(errs) > 0 {
		return reconcile.OneLine(errs.ToAggregate().Error())
	}
	return ""
}

// specHash is the hash of those fields of a spec from which a server pod is built.
func specHash(spec *v1alpha1.SparkConnectSpec) string {
	built := *spec
	built.Suspend, built.IdleTimeout, built.MaxAge, built.OnStop, built.TimeToLiveSeconds = nil, nil, nil, "", nil
	built.UpdatePolicy, built.MaxRestarts, built.Route = "", nil, nil
	built.Server.Service = nil
	text, err := json.Marshal(&built)
	if err != nil {
		return "" // not known
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
