// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// nextID is the id of the next server of an object, which is to a server what a submission
// id is to an application.
func nextID(connect *v1alpha1.SparkConnect) string {
	return submit.NewIDs(string(connect.UID) + "/" + strconv.FormatInt(connect.Status.Starts, 10)).LocalDir // a UUID
}

// startServer creates the server pod and what belongs to it, or completes what an earlier
// try left. The name of the pod is the lock.
func (c *Controller) startServer(ctx context.Context, in *input, out *outcome) error {
	id := nextID(in.connect)
	pod := in.pod
	if !in.own() {
		pod = nil
	}
	if pod != nil {
		id = pod.Labels.SubmissionID
	}
	if pod != nil && id == "" {
		// kubeflow/spark-operator built it, with all that it needs.
		out.pod = pod
		return c.ensureServiceNowAndThen(ctx, in)
	}
	run, err := c.build(in, id)
	if err != nil {
		return reconcile.Refuse(err)
	}
	out.warnings = run.Warnings
	if pod == nil {
		if err := c.ensureToken(ctx, in); err != nil {
			return err
		}
	}
	if err := c.ensureConfigMap(ctx, in, run.ConfigMap, pod); err != nil {
		return err
	}
	if err := c.ensureService(ctx, in, run.Service); err != nil {
		return err
	}
	if pod == nil {
		if pod, err = c.createPod(ctx, in, run.Pod); err != nil {
			return err
		}
	}
	if pod.Labels.SubmissionID != id {
		return reconcile.WaitFor(reasonNotReady, "server pod %s of another start was just found", pod.Name)
	}
	if err := c.ensureDependents(ctx, run, pod); err != nil {
		return err
	}
	out.pod, out.created = pod, id == nextID(in.connect)
	return nil
}

// build makes the objects of a server.
func (c *Controller) build(in *input, id string) (*translate.ConnectRun, error) {
	run, err := translate.BuildConnect(in.connect, translate.Params{
		SubmissionID: id,
		Master:       c.config.Master,
		SubmitTime:   in.now,
		DefaultConf:  c.config.DefaultConf,
		ServiceLinks: c.config.ServiceLinks,
	})
	if err != nil {
		return nil, err
	}
	annotations := make(map[string]string, len(run.Pod.Annotations)+2)
	maps.Copy(annotations, run.Pod.Annotations)
	annotations[v1beta2.AnnotationSpecHash] = in.hash
	annotations[v1beta2.AnnotationGeneration] = strconv.FormatInt(in.connect.Generation, 10)
	run.Pod.Annotations = annotations
	return run, nil
}

func ownerOf(connect *v1alpha1.SparkConnect) owned.Owner {
	return owned.Owner{Object: connect, Kind: "SparkConnect", Noun: "SparkConnect"}
}

// ensureConfigMap makes the ConfigMap that of the server. While there is a server it is not
// changed: then it is that server's, or the server is not what its pod says it is.
func (c *Controller) ensureConfigMap(ctx context.Context, in *input, desired *corev1.ConfigMap, pod *podview.Pod) error {
	client := c.kube.CoreV1().ConfigMaps(desired.Namespace)
	live, existed, err := owned.Ensure(ctx, client, desired, func(live *corev1.ConfigMap) error {
		return ownerOf(in.connect).Judge("ConfigMap", live)
	})
	if err != nil || !existed || live.Labels[v1beta2.LabelSubmissionID] == desired.Labels[v1beta2.LabelSubmissionID] {
		return err
	}
	if pod != nil {
		// Another process prepared another start at the same moment.
		if err := c.ensureCurrent(ctx, in); err != nil {
			return err
		}
		if err := c.deletePod(ctx, pod); err != nil {
			return err
		}
		return reconcile.WaitFor(reasonTerminating, "server pod %s is replaced: its ConfigMap is that of another start", pod.Name)
	}
	_, err = owned.Update(ctx, client, live, func(edited *corev1.ConfigMap) {
		edited.Data, edited.BinaryData, edited.Immutable = desired.Data, desired.BinaryData, nil
		edited.Labels = owned.Merged(edited.Labels, desired.Labels)
	})
	if apierrors.IsInvalid(err) {
		return reconcile.Refuse(fmt.Errorf("ConfigMap %s cannot be changed; delete it: %w", live.Name, err))
	}
	return err
}

// ensureService creates the Service by which clients reach the server, or brings it up to
// date. What the user of the cluster gave it besides stays.
func (c *Controller) ensureService(ctx context.Context, in *input, desired *corev1.Service) error {
	client := c.kube.CoreV1().Services(desired.Namespace)
	live, existed, err := owned.Ensure(ctx, client, desired, func(live *corev1.Service) error {
		return ownerOf(in.connect).Judge("Service", live)
	})
	if err != nil || !existed {
		return err
	}
	_, err = owned.Update(ctx, client, live, func(edited *corev1.Service) {
		edited.Labels, edited.Annotations = owned.Merged(edited.Labels, desired.Labels), owned.Merged(edited.Annotations, desired.Annotations)
		edited.Spec.Selector = desired.Spec.Selector
		edited.Spec.Ports = withNodePorts(desired.Spec.Ports, live.Spec.Ports)
		if desired.Spec.Type != "" {
			edited.Spec.Type = desired.Spec.Type
		}
	})
	return err
}

// withNodePorts returns ports with the node ports that the API server allocated, and with
// its default protocol.
func withNodePorts(desired, live []corev1.ServicePort) []corev1.ServicePort {
	ports := make([]corev1.ServicePort, len(desired))
	for i, port := range desired {
		for _, known := range live {
			if known.Name == port.Name && port.NodePort == 0 {
				port.NodePort = known.NodePort
			}
		}
		if port.Protocol == "" {
			port.Protocol = corev1.ProtocolTCP
		}
		if port.TargetPort.IntVal == 0 && port.TargetPort.StrVal == "" {
			port.TargetPort.IntVal = port.Port
		}
		ports[i] = port
	}
	return ports
}

// createPod creates the server pod or finds the one that an earlier try created.
func (c *Controller) createPod(ctx context.Context, in *input, desired *corev1.Pod) (*podview.Pod, error) {
	pod, existed, err := owned.Ensure(ctx, c.kube.CoreV1().Pods(desired.Namespace), desired, func(live *corev1.Pod) error {
		return ownerOf(in.connect).Judge("pod", live)
	})
	if err != nil {
		return nil, err
	}
	if !existed {
		klog.FromContext(ctx).V(2).Info("Created server pod", "pod", klog.KObj(pod))
	}
	c.fresh.Wrote(cache.MetaObjectToName(in.connect), freshPods, pod.ResourceVersion)
	seen := podview.Of(pod)
	if seen.Connect == nil {
		return nil, reconcile.WaitFor(reasonNotReady, "server pod %s has lost its label %s=%s; restore it, or delete the pod", pod.Name, v1alpha1.LabelConnectName, in.connect.Name)
	}
	return seen, nil
}

// ensureDependents creates the objects that belong to the server pod.
func (c *Controller) ensureDependents(ctx context.Context, run *translate.ConnectRun, pod *podview.Pod) error {
	owner := *metav1.NewControllerRef(pod.GetObjectMeta(), corev1.SchemeGroupVersion.WithKind("Pod"))
	owner.BlockOwnerDeletion = nil
	core := c.kube.CoreV1()
	if run.Driver != nil {
		run.Driver.OwnerReferences = []metav1.OwnerReference{owner}
		if err := ensureFor(ctx, core.Services(pod.Namespace), run.Driver, pod.UID, "Service"); err != nil {
			return err
		}
	}
	if run.NetworkPolicy != nil {
		run.NetworkPolicy.OwnerReferences = []metav1.OwnerReference{owner}
		if err := ensureFor(ctx, c.kube.NetworkingV1().NetworkPolicies(pod.Namespace), run.NetworkPolicy, pod.UID, "NetworkPolicy"); err != nil {
			return err
		}
	}
	for _, claim := range run.Claims {
		claim.OwnerReferences = []metav1.OwnerReference{owner}
		if err := ensureFor(ctx, core.PersistentVolumeClaims(pod.Namespace), claim, pod.UID, "PersistentVolumeClaim"); err != nil {
			return err
		}
	}
	return nil
}

// ensureFor creates an object that belongs to a server pod. One that exists is right if it
// belongs to that pod.
func ensureFor[T owned.Object](ctx context.Context, client owned.Client[T], desired T, pod types.UID, noun string) error {
	_, _, err := owned.Ensure(ctx, client, desired, func(live T) error {
		owner := metav1.GetControllerOfNoCopy(live)
		switch {
		case owner != nil && owner.UID == pod:
			return nil
		case live.GetDeletionTimestamp() != nil || owner != nil && owner.Kind == "Pod":
			return reconcile.WaitFor(reconcile.NameInUse, "%s %s of %s has the name; the garbage collector will delete it", noun, live.GetName(), owned.Describe(owner))
		}
		return reconcile.Refuse(fmt.Errorf("%s %s exists and belongs to %s; delete it", noun, live.GetName(), owned.Describe(owner)))
	})
	return err
}
