// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

const (
	// tailLines and tailBytes bound what is kept of the end of a log that is too long.
	tailLines = 1000
	tailBytes = 1 << 20
	// endDelay is how long after the end of a log the status of its pod may show the
	// container as running, and endPoll how often it is read.
	endDelay = 15 * time.Second
	endPoll  = 500 * time.Millisecond
)

// errGone reports that the pod no longer exists, or that another one has its name.
var errGone = errors.New("the pod was deleted before its log was read")

// upload copies the log of a container to the bucket. It returns how much was read.
func (a *Archiver) upload(ctx context.Context, pod *podview.Pod, container string) (read int64, err error) {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	logs := a.config.Kube.CoreV1().Pods(pod.Namespace)
	// To the end of the container: a log of one that has ended just ends.
	stream, err := logs.GetLogs(pod.Name, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(ctx)
	if apierrors.IsNotFound(err) {
		return 0, errGone
	}
	if err != nil {
		return 0, fmt.Errorf("read log: %w", err)
	}
	defer stream.Close()
	// A log is requested by name. The pod that has the name now had it before, too.
	if now, err := a.refetch(ctx, pod); err != nil {
		return 0, err
	} else if now == nil {
		return 0, errGone
	}

	if err := a.config.Bucket.removeStale(Key(pod)); err != nil {
		return 0, fmt.Errorf("write object: %w", err)
	}
	object, err := a.config.Bucket.create(ctx, Key(pod))
	if err != nil {
		return 0, fmt.Errorf("write object: %w", err)
	}
	closed := false
	defer func() {
		if !closed { // a canceled write leaves no object
			abort()
			_ = object.Close()
		}
	}()
	compressed := gzip.NewWriter(object)
	text := redact.NewWriter(compressed, a.config.Hide)

	source := &source{Reader: stream}
	read, err = io.CopyN(text, source, a.config.MaxBytes)
	switch {
	case ctx.Err() != nil:
		return read, fmt.Errorf("copy log: %w", context.Cause(ctx))
	case err == nil && source.more():
		err = a.appendTail(ctx, pod, container, text, compressed)
	case source.failed != nil:
		err = a.endBroken(ctx, pod, source.failed, text, compressed)
	case err == nil, errors.Is(err, io.EOF):
		err = a.confirmEnd(ctx, pod, container)
	default:
		err = fmt.Errorf("write object: %w", err)
	}
	if err != nil {
		return read, err
	}
	if err := errors.Join(text.Close(), compressed.Close()); err != nil {
		return read, fmt.Errorf("write object: %w", err)
	}
	closed = true
	if err := object.Close(); err != nil {
		return read, fmt.Errorf("write object: %w", err)
	}
	return read, nil
}

// source is a log that remembers why it could not be read to its end.
type source struct {
	io.Reader
	failed error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

// more reports whether anything is left to read.
func (s *source) more() bool {
	n, _ := io.ReadFull(s, make([]byte, 1))
	return n > 0
}

// endBroken ends the object of a log that breaks off. If its pod goes, the log cannot be
// read again, and its beginning is worth more than nothing.
func (a *Archiver) endBroken(ctx context.Context, pod *podview.Pod, broken error, text io.WriteCloser, to io.Writer) error {
	if now, err := a.refetch(ctx, pod); err != nil || now != nil && now.DeletionTimestamp == nil {
		return fmt.Errorf("read log: %w", broken)
	}
	if err := text.Close(); err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	if _, err := fmt.Fprintf(to, "\n[the pod was deleted while its log was read: %s]\n", broken); err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	return nil
}

// appendTail ends the object of a log that is too long with the last lines, which most
// often show the cause of a failure.
func (a *Archiver) appendTail(ctx context.Context, pod *podview.Pod, container string, text io.WriteCloser, to io.Writer) error {
	if err := text.Close(); err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	if _, err := fmt.Fprintf(to, "\n[the log has more than %d bytes; its last lines follow]\n", a.config.MaxBytes); err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	stream, err := a.config.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container, TailLines: ptr.To[int64](tailLines), LimitBytes: ptr.To[int64](tailBytes),
	}).Stream(ctx)
	tail := redact.NewWriter(to, a.config.Hide)
	if err == nil { // the beginning is worth more than the error
		defer stream.Close()
		_, err = io.Copy(tail, io.LimitReader(stream, tailBytes))
	}
	if err != nil {
		_, err = fmt.Fprintf(tail, "\n[they cannot be read: %s]\n", a.reason(err))
	}
	return errors.Join(err, tail.Close())
}

// confirmEnd fails unless the container has ended, or its pod is gone: a connection that
// breaks ends a stream, too. The status of a pod follows its containers within seconds.
func (a *Archiver) confirmEnd(ctx context.Context, pod *podview.Pod, container string) error {
	for deadline := a.config.Clock.Now().Add(endDelay); ; {
		now, err := a.refetch(ctx, pod)
		if err != nil || now == nil || now.DeletionTimestamp != nil || now.Ended() {
			return err
		}
		status := diagnosis.ContainerStatus(now, container)
		if status == nil || status.State.Running == nil {
			return nil
		}
		if !a.config.Clock.Now().Before(deadline) {
			return errors.New("read log: the stream ended before the container did")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.config.Clock.After(endPoll):
		}
	}
}

// refetch reads a pod from the API server; nil if it is gone.
func (a *Archiver) refetch(ctx context.Context, pod *podview.Pod) (*podview.Pod, error) {
	now, err := a.config.Kube.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && now.UID != pod.UID {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read pod: %w", err)
	}
	return podview.Of(now), nil
}

// IsGone reports whether an error means that the pod was deleted before its log was read.
func IsGone(err error) bool { return errors.Is(err, errGone) }
