// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

// wantsBudget reports whether the driver is to be protected from voluntary
// disruptions: the application asks for it and the operator allows it.
func (r *Runner) wantsBudget(app *v1beta2.SparkApplication) bool {
	return r.settings.DriverDisruptionBudget && ptr.Deref(app.Spec.DriverPodDisruptionBudget, false)
}

// disruptionBudget keeps the one driver of an application in its place. It has
// the name of the driver pod.
func disruptionBudget(app *v1beta2.SparkApplication, driverPodName string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{
			Name:      driverPodName,
			Namespace: app.Namespace,
			Labels: map[string]string{
				v1beta2.LabelSparkAppName:            app.Name,
				v1beta2.LabelLaunchedBySparkOperator: "true",
			},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(app, v1beta2.SchemeGroupVersion.WithKind("SparkApplication")),
			},
		},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: ptr.To(intstr.FromInt32(1)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{
				v1beta2.LabelSparkAppName: app.Name,
				v1beta2.LabelSparkRole:    v1beta2.SparkRoleDriver,
			}},
		},
	}
}

// ensureBudget creates the budget, or deletes the one that an edit of the spec has
// made superfluous. It is the same for every run, so an existing one is right.
func (r *Runner) ensureBudget(ctx context.Context, t *task) error {
	app, driverPodName := t.in.App, t.driverPodName()
	if !r.wantsBudget(app) {
		return r.deleteBudget(ctx, t, driverPodName)
	}
	const noun = "pod disruption budget"
	desired := disruptionBudget(app, driverPodName)
	_, _, err := owned.Ensure(ctx, r.kube.PolicyV1().PodDisruptionBudgets(app.Namespace), desired,
		func(live *policyv1.PodDisruptionBudget) error { return ownerOf(app).Judge(noun, live) })
	return describe(noun, desired, err)
}

// deleteBudget deletes the budget if the application has one of its own.
func (r *Runner) deleteBudget(ctx context.Context, t *task, driverPodName string) error {
	app := t.in.App
	// Whether one was created before an edit cannot be seen without a read; it is
	// made only where that can be.
	mayHave := app.Spec.DriverPodDisruptionBudget != nil || app.Generation > 1
	if !r.settings.DriverDisruptionBudget || !mayHave || driverPodName == "" {
		return nil
	}
	err := owned.Delete(ctx, r.kube.PolicyV1().PodDisruptionBudgets(app.Namespace), driverPodName, app, metav1.DeleteOptions{})
	return r.released(ctx, t, "PodDisruptionBudget", driverPodName, err)
}
