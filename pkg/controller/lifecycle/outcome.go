// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/redact"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// Outcome is what executing a plan led to.
type Outcome struct {
	// Submission is what submitRun created or found; nil if it did not run or
	// stopped before the driver pod existed.
	Submission *Submission
	// Refusal says why the submission is refused for good; empty if it is not.
	Refusal string
	// Awaited is the cause of err if it is a refusal of the submission that may end by
	// itself, else empty.
	Awaited reconcile.Cause
	// Pending is what submitRun waits for; nil if it does not wait.
	Pending *Pending
	// UI is what ensureUI achieved; nil if it had nothing to do.
	UI *UIResult
	// Events is what readDriverEvents read; nil if it did not read them or got no
	// answer.
	Events *DriverEvents
	// LogTail is what readDriverLog read, or why it could not; empty if it was not
	// asked to.
	LogTail string
	// EventLogFault says that the log shows that Spark could not begin its event log; empty
	// if it does not.
	EventLogFault string
	// RefusalReason is the reason that goes with refusal.
	RefusalReason string
	// NodeLoss is the evidence that the node of a driver pod is lost that did not go;
	// empty if there is none.
	NodeLoss string
	// Err is worth a retry; nothing after the action that failed was done.
	Err error
	// ReleaseFailed is set if err comes from releaseRun.
	ReleaseFailed bool
	// Unseen is set if the API server kept nothing new of the status, so that no event
	// causes the next sync.
	Unseen bool
}

// Redact hides secrets in what others have to say: the API server, which quotes what
// it refuses, packages that quote the spec, and the kubelet.
func (o *Outcome) Redact(hide func(string) string) {
	o.Refusal = hide(o.Refusal)
	if o.Submission != nil {
		for i, text := range o.Submission.Warnings {
			o.Submission.Warnings[i] = hide(text)
		}
	}
	if o.Pending != nil {
		o.Pending.Message = hide(o.Pending.Message)
	}
	if o.Events != nil && o.Events.Obstacle != nil {
		o.Events.Obstacle.Detail = hide(o.Events.Obstacle.Detail)
	}
	o.Err = redact.Error(o.Err, hide)
}

// Submission is what a submission leaves in the status.
type Submission struct {
	ID                 string
	SparkApplicationID string
	DriverPodName      string
	SpecHash           string
	Time               time.Time
	// HistoryURL is where the history server shows the run; empty if it does not.
	HistoryURL string
	// Adopted is set if the driver pod existed already.
	Adopted bool
	// MonitoringConfig is the name of the ConfigMap of the metrics exporter, if it is
	// not the usual one.
	MonitoringConfig string
	// MonitoringWarning says why.
	MonitoringWarning string
	Warnings          []string
}

// Avoid gives the ConfigMap of the metrics exporter a name of this very application,
// because a foreign one has the usual name.
func (s *Submission) Avoid(app *v1beta2.SparkApplication, foreign error) {
	id, _, _ := strings.Cut(string(app.UID), "-")
	s.MonitoringConfig = app.Name + "-prom-conf-" + id
	s.MonitoringWarning = fmt.Sprintf("the metrics exporter is configured by ConfigMap %s: %s", s.MonitoringConfig, foreign)
}

// Pending is a submission under way in a Job.
type Pending struct {
	Reason  string // ReasonSubmitterStarting or ReasonSubmitterRunning
	Message string
	After   time.Duration // when to sync again; 0 to leave that to the row
}

// UIResult is what became of the Services, Ingresses and HTTPRoutes of a run.
type UIResult struct {
	Web     *ui.Endpoint
	Service *corev1.Service // of the web UI, as stored; nil if it could not be written
	Routed  bool            // the Ingress or HTTPRoute of the web UI exists
	err     error           // all that failed; nil for nothing
	refused bool            // trying again would not help with some of it
	awaited reconcile.Cause // of a refusal that may end by itself; empty for none
}

// Add adds an error; nil for none.
func (r *UIResult) Add(err error) {
	r.err = errors.Join(r.err, err)
	r.refused = r.refused || reconcile.Final(err)
	if cause := reconcile.Awaited(err); cause != "" {
		r.awaited = cause
	}
}

// DriverEvents is what the events of the driver show.
type DriverEvents struct {
	Obstacle *diagnosis.Obstacle // nil if nothing is wrong
}
