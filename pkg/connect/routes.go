// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/redact"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// Reasons of the condition RouteReady besides those of package reconcile.
const (
	reasonRouteReady       = "RouteReady"
	reasonRouteNotAccepted = "RouteNotAccepted"
	reasonRouteRefused     = "RouteRefused"
)

const (
	// firstRouteDelay and longestRouteDelay bound the time until a route that is not ready
	// is checked again. It grows with the time for which that is so.
	firstRouteDelay   = 2 * time.Second
	longestRouteDelay = time.Minute
)

// routeResult is what came of the route: not ready for a reason, or ready without one.
type routeResult struct {
	// none says that no route is wanted, and that none of ours is left.
	none            bool
	reason, message string
}

// ensureRoutesNowAndThen ensures the route if the spec is another one, or if that was not
// done for a while. It never fails: a server runs as well without its route.
func (c *Controller) ensureRoutesNowAndThen(ctx context.Context, in *input, out *outcome) {
	known := meta.FindStatusCondition(in.connect.Status.Conditions, v1alpha1.ConditionRouteReady)
	if in.connect.Spec.Route == nil && known == nil || in.refusal() != "" {
		return
	}
	pause := auditDelay
	if known == nil || known.Status != metav1.ConditionTrue {
		pause = firstRouteDelay
	}
	if c.routes.recent(in, pause) {
		return
	}
	result, err := c.ensureRoutes(ctx, in)
	if err != nil {
		err = redact.Error(err, c.config.Redact)
		klog.FromContext(ctx).V(2).Info("Route is not ready", "reason", err)
		result = routeFailure(err, known)
	}
	out.route = result
	c.routes.done(in)
}

// ensureRoutes writes the Ingresses or routes of the spec, deletes those of an earlier
// spec, and looks whether a Gateway has accepted the routes.
func (c *Controller) ensureRoutes(ctx context.Context, in *input) (*routeResult, error) {
	wanted, err := ui.BuildConnect(in.connect, ui.ConnectBackend{
		Service: translate.ConnectServiceName(in.connect), Port: translate.ConnectServicePort(in.connect), WebPort: translate.ConnectWebPort(in.connect),
		Class: c.config.IngressClassName,
	})
	if err != nil {
		return nil, reconcile.Refuse(err)
	}
	pruned := c.pruneRoutes(ctx, in, &wanted)
	if in.connect.Spec.Route == nil {
		return &routeResult{none: true}, pruned
	}
	for _, desired := range wanted.Ingresses {
		if err := writeRoute(ctx, in, c.kube.NetworkingV1().Ingresses(desired.Namespace), "Ingress", desired, func(live *networkingv1.Ingress) {
			live.Labels, live.Annotations = owned.Merged(live.Labels, desired.Labels), owned.Merged(live.Annotations, desired.Annotations)
			live.Spec = desired.Spec
		}, nil); err != nil {
			return nil, err
		}
	}
	result := &routeResult{}
	for _, desired := range []*unstructured.Unstructured{wanted.GRPC, wanted.Web} {
		if desired == nil {
			continue
		}
		resource := resourceOf(desired.GetKind())
		err := writeRoute(ctx, in, c.gatewayClient(in, resource), desired.GetKind(), desired, func(live *unstructured.Unstructured) {
			live.SetLabels(owned.Merged(live.GetLabels(), desired.GetLabels()))
			live.SetAnnotations(owned.Merged(live.GetAnnotations(), desired.GetAnnotations()))
			live.Object["spec"] = desired.Object["spec"]
		}, func(live *unstructured.Unstructured) {
			if text := notAccepted(live); text != "" && result.reason == "" {
				result = &routeResult{reason: reasonRouteNotAccepted, message: text}
			}
		})
		if reconcile.Awaited(err) == reconcile.KindNotServed {
			err = reconcile.Await(reconcile.KindNotServed, fmt.Errorf("%s %s: the cluster does not know %s; install the Gateway API, or use the type Ingress",
				desired.GetKind(), desired.GetName(), resource.GroupResource()))
		}
		if err != nil {
			return nil, err
		}
	}
	return result, pruned
}

func (c *Controller) gatewayClient(in *input, resource schema.GroupVersionResource) owned.DynamicClient {
	return owned.Dynamic(c.dynamic.Resource(resource).Namespace(in.connect.Namespace))
}

func resourceOf(kind string) schema.GroupVersionResource {
	if kind == ui.KindGRPCRoute {
		return ui.GRPCRouteResource
	}
	return ui.RouteResource
}

// writeRoute creates an object, or brings it up to date. What it is then goes to judge.
func writeRoute[T owned.Object](ctx context.Context, in *input, client interface {
	owned.Client[T]
	owned.Updater[T]
}, noun string, desired T, edit func(T), judge func(T),
) error {
	live, existed, err := owned.Ensure(ctx, client, desired, func(live T) error { return ownerOf(in.connect).Judge(noun, live) })
	if err == nil && existed {
		live, err = owned.Update(ctx, client, live, edit)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", noun, desired.GetName(), err)
	}
	if judge != nil {
		judge(live)
	}
	return nil
}

// pruneRoutes deletes what an edit of the spec has left without use. Objects of others are
// not touched.
func (c *Controller) pruneRoutes(ctx context.Context, in *input, wanted *ui.ConnectRoute) error {
	if in.connect.Generation <= 1 {
		return nil
	}
	keep := map[string]bool{}
	for _, ingress := range wanted.Ingresses {
		keep["Ingress/"+ingress.Name] = true
	}
	for _, route := range []*unstructured.Unstructured{wanted.GRPC, wanted.Web} {
		if route != nil {
			keep[route.GetKind()+"/"+route.GetName()] = true
		}
	}
	var failed []error
	ingresses := c.kube.NetworkingV1().Ingresses(in.connect.Namespace)
	for _, name := range []string{ui.ConnectRouteName(in.connect), ui.ConnectWebName(in.connect)} {
		if !keep["Ingress/"+name] {
			failed = append(failed, owned.Delete(ctx, ingresses, name, in.connect, metav1.DeleteOptions{}))
		}
	}
	for kind, name := range map[string]string{ui.KindGRPCRoute: ui.ConnectRouteName(in.connect), ui.KindRoute: ui.ConnectWebName(in.connect)} {
		if !keep[kind+"/"+name] {
			failed = append(failed, owned.Delete(ctx, c.gatewayClient(in, resourceOf(kind)), name, in.connect, metav1.DeleteOptions{}))
		}
	}
	// A kind that is not served has no objects.
	return errors.Join(slices.DeleteFunc(failed, apierrors.IsNotFound)...)
}

// notAccepted says why no Gateway serves a route; empty if one does.
func notAccepted(route *unstructured.Unstructured) string {
	what := route.GetKind() + " " + route.GetName()
	parents, _, _ := unstructured.NestedSlice(route.Object, "status", "parents")
	text := "no Gateway has accepted " + what + " yet; check the Gateway that spec.route.parentRefs names, and which routes its listeners allow"
	for _, parent := range parents {
		fields, _ := parent.(map[string]any)
		conditions, _, _ := unstructured.NestedSlice(fields, "conditions")
		refusal, accepted := "", false
		for _, condition := range conditions {
			of, _ := condition.(map[string]any)
			kind, status := of["type"], of["status"]
			switch {
			case kind == "Accepted" && status == "True":
				accepted = true
			case (kind == "Accepted" || kind == "ResolvedRefs") && status == "False":
				refusal = strings.TrimSuffix(fmt.Sprintf("%s: %v: %v", what, of["reason"], of["message"]), ": ")
			}
		}
		if accepted && refusal == "" {
			return ""
		}
		if refusal != "" {
			text = reconcile.OneLine(refusal)
		}
	}
	return text
}

// routeFailure says why a route could not be written. What is about the way to the API
// server and not about the route is not worth a change of the condition.
func routeFailure(err error, known *metav1.Condition) *routeResult {
	result := &routeResult{message: reconcile.OneLine(err.Error())}
	var waiting *reconcile.WaitError
	switch cause := reconcile.Awaited(err); {
	case owned.IsForeign(err):
		result.reason = reasonNameTaken
	case errors.As(err, &waiting):
		result.reason = waiting.Reason
	case reconcile.Final(err):
		result.reason = reasonRouteRefused
	case cause != "":
		result.reason = string(cause)
	case known != nil:
		return nil
	default:
		result.reason = reconcile.Retrying
	}
	if known != nil && known.Status == metav1.ConditionFalse && known.Reason == result.reason && result.reason != reasonRouteRefused {
		result.message = known.Message // one that changed with every attempt would be written with every attempt
	}
	return result
}

// concludeRoute records what came of the route.
func concludeRoute(result *routeResult, c reconcile.Conditions) {
	switch {
	case result == nil:
	case result.none:
		c.Remove(v1alpha1.ConditionRouteReady)
	case result.reason == "":
		c.SetTrue(v1alpha1.ConditionRouteReady, reasonRouteReady, "")
	default:
		c.SetFalse(v1alpha1.ConditionRouteReady, result.reason, result.message)
	}
}

// endpoint is where clients reach a server that is ready.
func endpoint(in *input, c reconcile.Conditions) string {
	if route := c.Find(v1alpha1.ConditionRouteReady); in.connect.Spec.Route != nil && route != nil && route.Status == metav1.ConditionTrue {
		return translate.ConnectRouteEndpoint(in.connect)
	}
	return translate.ConnectEndpoint(in.connect)
}

// routeRetry is how long to wait before a route that is not ready is checked again; false
// if there is none.
func (in *input) routeRetry() (time.Duration, bool) {
	route := meta.FindStatusCondition(in.connect.Status.Conditions, v1alpha1.ConditionRouteReady)
	if route == nil || route.Status == metav1.ConditionTrue {
		return 0, false
	}
	return min(max(in.now.Sub(route.LastTransitionTime.Time), firstRouteDelay), longestRouteDelay), true
}
