// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// maxReason bounds the annotation with the reason of a failure, in bytes.
const maxReason = 400

// markDone records in the pod where its log is.
func (a *Archiver) markDone(ctx context.Context, pod *podview.Pod) error {
	annotations := map[string]any{v1beta2.AnnotationLogURL: a.config.Bucket.URL(Key(pod))}
	if pod.Annotations.Get(v1beta2.AnnotationLogArchiveError) != "" {
		annotations[v1beta2.AnnotationLogArchiveError] = nil
	}
	return a.annotate(ctx, pod, annotations)
}

// markFailed records in the pod why its log is not in the bucket, unless the pod shows
// that already.
func (a *Archiver) markFailed(ctx context.Context, pod *podview.Pod, cause error) error {
	if pod.Annotations.Get(v1beta2.AnnotationLogArchiveError) != "" {
		return nil // texts with ids of requests would cause a write for each try
	}
	return a.annotate(ctx, pod, map[string]any{v1beta2.AnnotationLogArchiveError: a.reason(cause)})
}

// reason is an error in one short line without secrets.
func (a *Archiver) reason(err error) string {
	words := strings.FieldsFunc(a.config.Hide(err.Error()), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
	line := strings.Join(words, " ")
	if len(line) <= maxReason {
		return line
	}
	// Clients of buckets say first what they did, and last why that failed.
	head := reconcile.Truncate(line, maxReason/4)
	return head + strings.ToValidUTF8(line[len(line)-maxReason+len(head):], "")
}

// annotate changes the annotations of exactly this pod; it is no error if it is gone.
//
// The subresource status accepts annotations, and nothing of the spec: whoever takes the
// token of this process cannot change the image of a container.
func (a *Archiver) annotate(ctx context.Context, pod *podview.Pod, annotations map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID, "annotations": annotations}})
	if err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	_, err = a.config.Kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mark pod: %w", err)
	}
	return nil
}
