// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"net/url"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// LogArchive says which logs a log archiver keeps, and how long pods wait for it.
type LogArchive struct {
	// Enabled is set if a log archiver runs. Without, nothing of this has an effect.
	Enabled bool
	// Default is the value of spec.logArchive.enabled where it is not set.
	Default bool
	// Deadline is how long after the end of a run pods whose log is not archived are kept
	// from spec.cleanupPolicy and from the end of the time to live.
	Deadline time.Duration
}

// DefaultLogArchiveDeadline is the default of a flag, for LogArchive.Deadline.
const DefaultLogArchiveDeadline = 10 * time.Minute

// RerunArchiveDelay is how long after the end of a run its successor waits for the logs at
// most: it needs the name of the driver pod. A failed try of the archiver ends it.
const RerunArchiveDelay = 30 * time.Second

// Wants reports whether the log of the driver of an application is archived, and those of
// its failed executors.
func (l LogArchive) Wants(app *v1beta2.SparkApplication) (driver, executors bool) {
	wanted := ptr.Deref(app.Spec.LogArchive, v1beta2.LogArchive{})
	driver = l.Enabled && ptr.Deref(wanted.Enabled, l.Default)
	return driver, driver && ptr.Deref(wanted.FailedExecutors, false)
}

// unarchived returns the pods of a run that has ended whose logs are still to be archived.
func (in *Input) unarchived() []*podview.Pod {
	if !in.Settings.LogArchive.Enabled || in.driverAlive() {
		return nil
	}
	var pods []*podview.Pod
	for _, pod := range append(slices.Clip(in.Executors), in.Driver) {
		if isUnarchived(pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

// sinceEnd is how long ago the run ended; for ever if that is not known.
func (in *Input) sinceEnd() time.Duration {
	end := in.StateSince()
	if at := in.App.Status.TerminationTime; !at.IsZero() {
		end = at.Time
	} else if in.Report.Finished != nil {
		end = in.Report.Finished.Time
	}
	if end.IsZero() || end.After(in.Now) {
		return forEver
	}
	return in.Now.Sub(end)
}

const forEver = time.Duration(1<<63 - 1)

// logUnrecorded reports whether the status does not show yet where the log of the driver is.
// Until it does, only the pod says so: an operator that is killed right after it has deleted
// the pod would lose the URL.
func (in *Input) logUnrecorded() bool {
	if !in.Settings.LogArchive.Enabled || in.driverAlive() || diagnosis.ArchivedContainer(in.Driver) == "" {
		return false
	}
	address := in.Driver.Annotations.Get(v1beta2.AnnotationLogURL)
	attempt := in.App.Status.Attempt(in.Driver.Labels.SubmissionID)
	return attempt != nil && isLogURL(address) && attempt.LogURL != address
}

// archiving reports whether pods of a finished application stay because of their logs.
func (in *Input) archiving() bool {
	return (len(in.unarchived()) > 0 || in.logUnrecorded()) && in.sinceEnd() < in.Settings.LogArchive.Deadline
}

// rerunArchiving reports whether the next run waits for the logs of the one before. It does
// not wait for a bucket that does not work.
func (in *Input) rerunArchiving() bool {
	untried := slices.ContainsFunc(in.unarchived(), func(pod *podview.Pod) bool { return archiveError(pod) == "" })
	return (untried || in.logUnrecorded()) && in.sinceEnd() < min(RerunArchiveDelay, in.Settings.LogArchive.Deadline)
}

func archiveError(pod *podview.Pod) string {
	return pod.Annotations.Get(v1beta2.AnnotationLogArchiveError)
}

// isUnarchived reports whether the log of a pod, which may be nil, is still to be archived.
func isUnarchived(pod *podview.Pod) bool {
	return diagnosis.ArchivedContainer(pod) != "" && pod.DeletionTimestamp == nil && !diagnosis.LogArchived(pod)
}

// followLogArchive records where the log of the driver is, and whether all logs that are
// to be archived are.
func followLogArchive(in *Input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if !in.Settings.LogArchive.Enabled {
		return
	}
	before := c.Find(v1beta2.ConditionLogsArchived)
	if status.SubmissionID != in.App.Status.SubmissionID || status.SubmissionID == "" {
		c.Remove(v1beta2.ConditionLogsArchived)
		return
	}
	if in.Driver == nil {
		if before == nil || before.Reason != reasonArchiving {
			return
		}
		if in.sinceEnd() >= in.Settings.LogArchive.Deadline { // the operator deleted the pod, and was killed then
			setArchiveTimedOut(in, c)
		} else {
			c.SetFalse(v1beta2.ConditionLogsArchived, reasonLogLost, "the driver pod was deleted before its log was archived; the bucket may contain a part of it")
		}
		return
	}
	if in.driverAlive() || diagnosis.ArchivedContainer(in.Driver) == "" {
		return
	}
	pending := in.unarchived()
	if address := in.Driver.Annotations.Get(v1beta2.AnnotationLogURL); address != "" {
		if !isLogURL(address) {
			c.SetFalse(v1beta2.ConditionLogsArchived, reasonArchiveFailed, "annotation "+v1beta2.AnnotationLogURL+" of driver pod "+in.Driver.Name+" is not a URL of a bucket")
			return
		}
		if attempt := status.Attempt(in.Driver.Labels.SubmissionID); attempt != nil {
			attempt.LogURL = address
		}
	}
	failed := slices.IndexFunc(pending, func(pod *podview.Pod) bool { return archiveError(pod) != "" })
	switch {
	case len(pending) == 0 && diagnosis.LogArchived(in.Driver):
		c.SetTrue(v1beta2.ConditionLogsArchived, reasonArchived, "")
	case failed >= 0:
		c.SetFalse(v1beta2.ConditionLogsArchived, reasonArchiveFailed, reconcile.OneLine("pod "+pending[failed].Name+": "+archiveError(pending[failed])))
	case in.sinceEnd() >= in.Settings.LogArchive.Deadline:
		setArchiveTimedOut(in, c)
	default:
		c.SetFalse(v1beta2.ConditionLogsArchived, reasonArchiving, "")
	}
}

func setArchiveTimedOut(in *Input, c reconcile.Conditions) {
	c.SetFalse(v1beta2.ConditionLogsArchived, reasonArchiveTimedOut, "the log archiver has not copied the logs within "+in.Settings.LogArchive.Deadline.String())
}

// maxLogURL bounds what the annotation of a pod puts into the status.
const maxLogURL = 2048

// isLogURL reports whether a text is a URL as the log archiver writes it. Whoever may edit
// pods can write another one, and users follow it.
func isLogURL(text string) bool {
	if len(text) > maxLogURL {
		return false
	}
	address, err := url.Parse(text)
	return err == nil && address.User == nil && slices.Contains([]string{"s3", "gs", "azblob", "file", "http", "https"}, address.Scheme)
}
