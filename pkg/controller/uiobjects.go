// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// uiResult is what became of the Services and Ingresses of a run.
type uiResult struct {
	web     *ui.Endpoint
	service *corev1.Service // of the web UI, as stored; nil if it could not be written
	ingress bool            // the Ingress of the web UI exists
	err     error           // all that failed; nil for nothing
	refused bool            // trying again would not help with some of it
	awaited reconcile.Cause // of a refusal that may end by itself; empty for none
}

// ensureUI writes the Services and Ingresses through which the driver is reached.
// It never returns an error: an application runs as well without its UI. What
// failed becomes a condition and is tried again.
func (c *Controller) ensureUI(ctx context.Context, t *task) error {
	app := t.in.app
	if !c.wantsUI(app) && !t.in.uiWritten() {
		return nil
	}
	run := ui.Run{SubmissionID: app.Status.SubmissionID, SparkApplicationID: app.Status.SparkApplicationID}
	if s := t.out.submission; s != nil {
		run = ui.Run{SubmissionID: s.id, SparkApplicationID: s.sparkApplicationID}
	} else if !t.in.uiDue() {
		return nil
	}
	objects, err := ui.Build(app, c.settings.UI, run)
	result := &uiResult{web: objects.Web}
	if err != nil {
		result.add(reconcile.Refuse(err))
	}
	for _, endpoint := range endpoints(&objects) {
		service, err := c.ensureService(ctx, app, endpoint.Service)
		result.add(err)
		ingressExists := false
		if endpoint.Ingress != nil && err == nil {
			err = c.ensureIngress(ctx, app, endpoint.Ingress)
			result.add(err)
			ingressExists = err == nil
		}
		if endpoint == objects.Web {
			result.service, result.ingress = service, ingressExists
		}
	}
	result.add(c.pruneUI(ctx, t, &objects))
	result.add(c.ensureBudget(ctx, t))
	t.out.ui = result
	return nil
}

// pruneUI deletes Services and Ingresses of the application that an edit of the
// spec has left without use. It reads only after an edit, and again until all went
// well.
func (c *Controller) pruneUI(ctx context.Context, t *task, wanted *ui.Objects) error {
	app := t.in.app
	if t.out.submission != nil || !t.in.uiWritten() || app.Generation <= 1 {
		return nil
	}
	keep := map[string]bool{}
	for _, endpoint := range endpoints(wanted) {
		keep[kindService+"/"+endpoint.Service.Name] = true
		if endpoint.Ingress != nil {
			keep[kindIngress+"/"+endpoint.Ingress.Name] = true
		}
	}
	options := metav1.ListOptions{LabelSelector: v1beta2.LabelSparkAppName + "=" + app.Name}
	services, err := c.kube.CoreV1().Services(app.Namespace).List(ctx, options)
	if err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	ingresses, err := c.kube.NetworkingV1().Ingresses(app.Namespace).List(ctx, options)
	if err != nil {
		return fmt.Errorf("list ingresses: %w", err)
	}
	var failed []error
	for i := range services.Items {
		service := &services.Items[i]
		if metav1.IsControlledBy(service, app) && !keep[kindService+"/"+service.Name] {
			failed = append(failed, c.deleteService(ctx, t, service))
		}
	}
	for i := range ingresses.Items {
		ingress := &ingresses.Items[i]
		if metav1.IsControlledBy(ingress, app) && !keep[kindIngress+"/"+ingress.Name] {
			failed = append(failed, c.deleteIngress(ctx, t, ingress))
		}
	}
	return errors.Join(failed...)
}

func (r *uiResult) add(err error) {
	r.err = errors.Join(r.err, err)
	r.refused = r.refused || reconcile.Final(err)
	if cause := reconcile.Awaited(err); cause != "" {
		r.awaited = cause
	}
}

// wantsUI reports whether anything is asked for at all.
func (c *Controller) wantsUI(app *v1beta2.SparkApplication) bool {
	return c.settings.UI.WebService || len(app.Spec.DriverIngressOptions) > 0 || c.wantsBudget(app)
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

// followUI records where the web UI is found and whether all is well.
func followUI(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if out.ui == nil {
		return
	}
	ui.SetDriverInfo(&status.DriverInfo, out.ui.web, out.ui.service, out.ui.ingress)
	if out.ui.err != nil {
		message := reconcile.OneLine(out.ui.err.Error())
		if old := meta.FindStatusCondition(status.Conditions, conditionUIReady); old != nil && old.Status == metav1.ConditionFalse && old.ObservedGeneration == in.app.Generation {
			message = old.Message // see stall
		}
		reason := reasonRetrying
		if out.ui.refused || out.ui.awaited != "" && !in.now.Before(in.uiFailingSince().Add(out.ui.awaited.Patience())) {
			reason = reasonUIFailed
		}
		c.SetFalse(conditionUIReady, reason, message)
		return
	}
	c.SetTrue(conditionUIReady, reasonUIReady, "")
}

// uiFailingSince is since when the UI objects cannot be written; now if they can.
func (in *input) uiFailingSince() time.Time {
	condition := meta.FindStatusCondition(in.app.Status.Conditions, conditionUIReady)
	if condition == nil || condition.Status != metav1.ConditionFalse {
		return in.now
	}
	return condition.LastTransitionTime.Time
}

func (c *Controller) ensureService(ctx context.Context, app *v1beta2.SparkApplication, desired *corev1.Service) (*corev1.Service, error) {
	return ensure(ctx, app, c.kube.CoreV1().Services(app.Namespace), "service", desired, func(live *corev1.Service) {
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

func (c *Controller) ensureIngress(ctx context.Context, app *v1beta2.SparkApplication, desired *networkingv1.Ingress) error {
	_, err := ensure(ctx, app, c.kube.NetworkingV1().Ingresses(app.Namespace), "ingress", desired, func(live *networkingv1.Ingress) {
		live.Spec = desired.Spec
	})
	return err
}

// releaseUI deletes the Services and Ingresses of the application that are its
// own.
func (c *Controller) releaseUI(ctx context.Context, t *task) error {
	app := t.in.app
	if !c.wantsUI(app) && app.Status.DriverInfo.WebUIServiceName == "" {
		return nil
	}
	objects, _ := ui.Build(app, c.settings.UI, ui.Run{SubmissionID: app.Status.SubmissionID, SparkApplicationID: app.Status.SparkApplicationID})
	services, ingresses := map[string]bool{}, map[string]bool{}
	for _, endpoint := range endpoints(&objects) {
		services[endpoint.Service.Name] = true
		if endpoint.Ingress != nil {
			ingresses[endpoint.Ingress.Name] = true
		}
	}
	if name := app.Status.DriverInfo.WebUIServiceName; name != "" {
		services[name] = true
	}
	if name := app.Status.DriverInfo.WebUIIngressName; name != "" {
		ingresses[name] = true
	}
	var failed []error
	for name := range services {
		err := owned.Delete(ctx, c.kube.CoreV1().Services(app.Namespace), name, app, metav1.DeleteOptions{})
		failed = append(failed, c.released(ctx, t, kindService, name, err))
	}
	for name := range ingresses {
		err := owned.Delete(ctx, c.kube.NetworkingV1().Ingresses(app.Namespace), name, app, metav1.DeleteOptions{})
		failed = append(failed, c.released(ctx, t, kindIngress, name, err))
	}
	return errors.Join(failed...)
}

// deleteService deletes exactly this Service, and not another one of its name.
func (c *Controller) deleteService(ctx context.Context, t *task, service *corev1.Service) error {
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(service.UID))}
	err := c.kube.CoreV1().Services(service.Namespace).Delete(ctx, service.Name, options)
	return c.released(ctx, t, kindService, service.Name, err)
}

// deleteIngress deletes exactly this Ingress, and not another one of its name.
func (c *Controller) deleteIngress(ctx context.Context, t *task, ingress *networkingv1.Ingress) error {
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(ingress.UID))}
	err := c.kube.NetworkingV1().Ingresses(ingress.Namespace).Delete(ctx, ingress.Name, options)
	return c.released(ctx, t, kindIngress, ingress.Name, err)
}
