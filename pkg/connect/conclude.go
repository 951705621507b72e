// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

const (
	// quietFailures is how many starts in a row may fail, for reasons that say nothing about
	// the server, before the status says so.
	quietFailures = 3
	// admissionFailures is how many starts in a row admission may refuse: with the delays in
	// between, that takes a minute.
	admissionFailures = 6
)

// conclude returns the status after the plan was executed. It is pure. Failures is the
// number of syncs of this object that failed in a row before this one.
func conclude(in *input, p plan, out *outcome, failures int) *v1alpha1.SparkConnectStatus {
	status := in.connect.Status.DeepCopy()
	if p.row == nil {
		return status
	}
	c := reconcile.Conditions{List: &status.Conditions, Generation: in.connect.Generation, Now: in.now, Redact: in.hide}
	switch {
	case in.connect.DeletionTimestamp != nil:
		return status
	case out.err == nil:
		if p.row.set != nil {
			p.row.set.apply(in, out, status, c)
		}
		if p.row.to != stay {
			status.State = p.row.to.state()
		}
	case p.does(startServer):
		status.State = concludeRefusedStart(in, out, status, c, failures).state()
	case p.does(ensureService) && isAboutObject(out.err):
		if status.State == v1alpha1.SparkConnectStateReady {
			status.State = v1alpha1.SparkConnectStateNotReady
		}
		setOnce(c, reasonService, reconcile.OneLine(out.err.Error()))
	}
	// A stopped server that is still being deleted must not lose a change of the spec,
	// which starts it afterwards.
	failed := phaseOf(status) == phaseFailed && phaseOf(&in.connect.Status) != phaseFailed
	if failed || out.err == nil && !(p.row.to == stay && p.does(deleteServer)) {
		status.ObservedGeneration = in.connect.Generation
	}
	concludeRoute(out.route, c)
	followServer(in, status, c)
	recordIdleness(in, status, c)
	if status.StartTime.IsZero() {
		status.StartTime = metav1.NewTime(in.now)
	}
	if !equality.Semantic.DeepEqual(status, &in.connect.Status) {
		status.LastUpdateTime = metav1.NewTime(in.now)
	}
	return status
}

// concludeRefusedStart says why the server could not be started, and returns the phase.
func concludeRefusedStart(in *input, out *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions, failures int) phase {
	message := reconcile.OneLine(out.err.Error())
	cause := reconcile.Awaited(out.err)
	var waiting *reconcile.WaitError
	switch {
	case owned.IsForeign(out.err): // the message is ours, and changes only with the object that it names
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonNameTaken, message)
	case errors.As(out.err, &waiting): // so is this one
		c.SetFalse(v1alpha1.ConditionServerPodReady, waiting.Reason, message)
	case reconcile.Final(out.err), cause == reconcile.AdmissionDenied && failures >= admissionFailures:
		fail(in, status, c, reasonRefused, message+"; change the spec to try again")
		return phaseFailed
	case cause != "":
		setOnce(c, string(cause), message)
	case failures+1 >= quietFailures:
		setOnce(c, reconcile.Retrying, message)
	}
	return phaseStarting
}

// isAboutObject reports whether an error is about the object and not about the way to the
// API server.
func isAboutObject(err error) bool {
	var waiting *reconcile.WaitError
	return errors.As(err, &waiting) || reconcile.Final(err) || reconcile.Awaited(err) != ""
}

// setOnce says that the server is not ready. The first message of a reason stays: one that
// changed with every attempt would be written with every attempt.
func setOnce(c reconcile.Conditions, reason, message string) {
	before := c.Find(v1alpha1.ConditionServerPodReady)
	if before != nil && before.Status == metav1.ConditionFalse && before.Reason == reason && before.ObservedGeneration == c.Generation {
		return
	}
	c.SetFalse(v1alpha1.ConditionServerPodReady, reason, message)
}

// followServer records what the pods show.
func followServer(in *input, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
	status.Endpoint = ""
	if status.State == v1alpha1.SparkConnectStateReady {
		status.Endpoint = endpoint(in, c)
	}
	status.Executors = nil
	for _, executor := range in.executors {
		if status.Executors == nil {
			status.Executors = make(map[string]int, 1)
		}
		status.Executors[strings.ToLower(string(executor.Status.Phase))]++
	}
	if status.Server.PodUID == "" || !in.own() || string(in.pod.UID) != status.Server.PodUID {
		if status.Server.PodUID == "" {
			c.Remove(v1alpha1.ConditionUpToDate)
		}
		return
	}
	status.Server.PodIP = in.pod.Connect.IP
	switch {
	case in.pod.Annotations.Get(v1beta2.AnnotationSpecHash) == "":
		message := "another version of the operator built the server pod; delete the pod to replace it"
		if refusal := in.refusal(); refusal != "" {
			message = "another version of the operator built the server pod, which is kept; the spec is invalid: " + refusal
		}
		c.Set(v1alpha1.ConditionUpToDate, metav1.ConditionUnknown, reasonUnknownSpec, message)
	case in.outdated():
		message := "the spec changed after the server pod was built; delete the pod, or set spec.updatePolicy to Recreate, to replace it"
		if refusal := in.refusal(); refusal != "" {
			message = "the spec changed and is invalid, so the server pod is kept: " + refusal
		}
		c.SetFalse(v1alpha1.ConditionUpToDate, reasonSpecChanged, message)
	default:
		c.SetTrue(v1alpha1.ConditionUpToDate, reasonUpToDate, "")
	}
}
