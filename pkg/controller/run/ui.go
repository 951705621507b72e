// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// ensureUI writes the Services, Ingresses and HTTPRoutes through which the driver is reached.
// It never returns an error: an application runs as well without its UI. What
// failed becomes a condition and is tried again.
func (r *Runner) ensureUI(ctx context.Context, t *task) error {
	app := t.in.App
	if !r.wantsUI(app) && !t.in.UIWritten() {
		return nil
	}
	run := ui.Run{SubmissionID: app.Status.SubmissionID, SparkApplicationID: app.Status.SparkApplicationID}
	if s := t.out.Submission; s != nil {
		run = ui.Run{SubmissionID: s.ID, SparkApplicationID: s.SparkApplicationID}
	} else if !t.in.UIDue() {
		return nil
	}
	objects, err := ui.Build(app, r.settings.UI, run)
	result := &lifecycle.UIResult{Web: objects.Web}
	if err != nil {
		result.Add(reconcile.Refuse(err))
	}
	for _, endpoint := range endpoints(&objects) {
		service, err := r.ensureService(ctx, app, endpoint.Service)
		result.Add(err)
		isRouted := false
		if err == nil {
			isRouted, err = r.ensureRoute(ctx, app, endpoint)
			result.Add(err)
		}
		if endpoint == objects.Web {
			result.Service, result.Routed = service, isRouted
		}
	}
	result.Add(r.pruneUI(ctx, t, &objects))
	result.Add(r.ensureBudget(ctx, t))
	t.out.UI = result
	return nil
}

// pruneUI deletes Services and Ingresses of the application that an edit of the
// spec has left without use. It reads only after an edit, and again until all went
// well. An HTTPRoute is only for the web UI, whose objects no edit takes away.
func (r *Runner) pruneUI(ctx context.Context, t *task, wanted *ui.Objects) error {
	app := t.in.App
	if t.out.Submission != nil || !t.in.UIWritten() || app.Generation <= 1 {
		return nil
	}
	keep := map[string]bool{}
	for _, endpoint := range endpoints(wanted) {
		keep[KindService+"/"+endpoint.Service.Name] = true
		if endpoint.Ingress != nil {
			keep[kindIngress+"/"+endpoint.Ingress.Name] = true
		}
	}
	options := metav1.ListOptions{LabelSelector: v1beta2.LabelSparkAppName + "=" + app.Name}
	services, err := r.kube.CoreV1().Services(app.Namespace).List(ctx, options)
	if err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	ingresses, err := r.kube.NetworkingV1().Ingresses(app.Namespace).List(ctx, options)
	if err != nil {
		return fmt.Errorf("list ingresses: %w", err)
	}
	var failed []error
	for i := range services.Items {
		service := &services.Items[i]
		if metav1.IsControlledBy(service, app) && !keep[KindService+"/"+service.Name] {
			failed = append(failed, r.deleteService(ctx, t, service))
		}
	}
	for i := range ingresses.Items {
		ingress := &ingresses.Items[i]
		if metav1.IsControlledBy(ingress, app) && !keep[kindIngress+"/"+ingress.Name] {
			failed = append(failed, r.deleteIngress(ctx, t, ingress))
		}
	}
	return errors.Join(failed...)
}

// wantsUI reports whether anything is asked for at all.
func (r *Runner) wantsUI(app *v1beta2.SparkApplication) bool {
	return r.settings.UI.WebService || len(app.Spec.DriverIngressOptions) > 0 || r.wantsBudget(app)
}

func endpoints(objects *ui.Objects) []*ui.Endpoint {
	var all []*ui.Endpoint
	if objects.Web != nil {
		all = append(all, objects.Web)
	}
	for i := range objects.Driver {
		all = append(all, &objects.Driver[i])
	}
	return all
}

func (r *Runner) ensureService(ctx context.Context, app *v1beta2.SparkApplication, desired *corev1.Service) (*corev1.Service, error) {
	return ensure(ctx, app, r.kube.CoreV1().Services(app.Namespace), "service", desired, func(live *corev1.Service) {
		live.Spec.Type = desired.Spec.Type
		live.Spec.Selector = desired.Spec.Selector
		live.Spec.Ports = keepNodePorts(desired.Spec.Ports, live.Spec.Ports)
	})
}

// keepNodePorts returns the desired ports as the API server has completed them,
// so that they only differ where the user changed something.
func keepNodePorts(desired, live []corev1.ServicePort) []corev1.ServicePort {
	ports := make([]corev1.ServicePort, len(desired))
	for i, port := range desired {
		for _, existing := range live {
			if existing.Name != port.Name {
				continue
			}
			if port.NodePort == 0 {
				port.NodePort = existing.NodePort
			}
			if port.Protocol == "" {
				port.Protocol = existing.Protocol
			}
		}
		ports[i] = port
	}
	return ports
}

// ensureRoute writes the Ingress or HTTPRoute of an endpoint, and reports whether it
// exists.
func (r *Runner) ensureRoute(ctx context.Context, app *v1beta2.SparkApplication, endpoint *ui.Endpoint) (bool, error) {
	switch {
	case endpoint.Ingress != nil:
		desired := endpoint.Ingress
		_, err := ensure(ctx, app, r.kube.NetworkingV1().Ingresses(app.Namespace), "ingress", desired, func(live *networkingv1.Ingress) {
			live.Spec = desired.Spec
		})
		return err == nil, err
	case endpoint.Route != nil:
		desired := endpoint.Route
		stored, err := ensure(ctx, app, r.routes(app.Namespace), "httproute", desired, func(live *unstructured.Unstructured) {
			live.Object["spec"] = desired.Object["spec"]
		})
		if stored == nil && apierrors.IsNotFound(err) {
			err = reconcile.Await(reconcile.KindNotServed, fmt.Errorf("httproute %s: the cluster does not know %s; install the Gateway API", desired.GetName(), ui.RouteResource.GroupResource()))
		}
		return err == nil, err
	}
	return false, nil
}

func (r *Runner) routes(namespace string) owned.DynamicClient {
	return owned.Dynamic(r.dynamic.Resource(ui.RouteResource).Namespace(namespace))
}

// releaseUI deletes the Services, Ingresses and HTTPRoutes of the application that are
// its own.
func (r *Runner) releaseUI(ctx context.Context, t *task) error {
	app := t.in.App
	if !r.wantsUI(app) && app.Status.DriverInfo.WebUIServiceName == "" {
		return nil
	}
	objects, _ := ui.Build(app, r.settings.UI, ui.Run{SubmissionID: app.Status.SubmissionID, SparkApplicationID: app.Status.SparkApplicationID})
	services, ingresses, routes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, endpoint := range endpoints(&objects) {
		services[endpoint.Service.Name] = true
		if endpoint.Ingress != nil {
			ingresses[endpoint.Ingress.Name] = true
		}
		if endpoint.Route != nil {
			routes[endpoint.Route.GetName()] = true
		}
	}
	if name := app.Status.DriverInfo.WebUIServiceName; name != "" {
		services[name] = true
	}
	if name := app.Status.DriverInfo.WebUIIngressName; name != "" {
		ingresses[name] = true
	}
	if name := app.Status.DriverInfo.WebUIRouteName; name != "" {
		routes[name] = true
	}
	var failed []error
	for name := range services {
		err := owned.Delete(ctx, r.kube.CoreV1().Services(app.Namespace), name, app, metav1.DeleteOptions{})
		failed = append(failed, r.released(ctx, t, KindService, name, err))
	}
	for name := range ingresses {
		err := owned.Delete(ctx, r.kube.NetworkingV1().Ingresses(app.Namespace), name, app, metav1.DeleteOptions{})
		failed = append(failed, r.released(ctx, t, kindIngress, name, err))
	}
	for name := range routes {
		err := owned.Delete(ctx, r.routes(app.Namespace), name, app, metav1.DeleteOptions{})
		failed = append(failed, r.released(ctx, t, ui.KindRoute, name, err))
	}
	return errors.Join(failed...)
}

// deleteService deletes exactly this Service, and not another one of its name.
func (r *Runner) deleteService(ctx context.Context, t *task, service *corev1.Service) error {
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(service.UID))}
	err := r.kube.CoreV1().Services(service.Namespace).Delete(ctx, service.Name, options)
	return r.released(ctx, t, KindService, service.Name, err)
}

// deleteIngress deletes exactly this Ingress, and not another one of its name.
func (r *Runner) deleteIngress(ctx context.Context, t *task, ingress *networkingv1.Ingress) error {
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(ingress.UID))}
	err := r.kube.NetworkingV1().Ingresses(ingress.Namespace).Delete(ctx, ingress.Name, options)
	return r.released(ctx, t, kindIngress, ingress.Name, err)
}
