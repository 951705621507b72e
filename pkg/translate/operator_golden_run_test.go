// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// stage is where an application is refused.
type stage string

const (
	admitted     stage = "" // not refused
	atAdmission  stage = "admission"
	atSubmission stage = "submission"
)

// outcome is what this project makes of a manifest.
type outcome struct {
	refused stage
	message string

	defaulted *v1beta2.SparkApplication
	run       *translate.Run
	// objects are those of the run as the API server would hold them, the driver
	// pod included, without what it adds itself.
	objects []map[string]any
	status  map[string]any
}

const (
	testSubmissionID = "7f2b4c1e-93a5-4d0e-8c64-1b9a5d2e7f30"
	// testMaster is the API server, <apiserver> in the recording.
	testMaster    = "apiserver.test:6443"
	testDriverUID = "<driver-pod-uid>"
)

// process does what the operator does with a new application, up to the objects
// of its first submission.
func process(c *operatorCase, schema *crdSchema) (*outcome, error) {
	if message, err := schema.refuse(c.Manifest); err != nil || message != "" {
		return &outcome{refused: atAdmission, message: message}, err
	}
	app, message := decode(c.Manifest)
	if message != "" {
		return &outcome{refused: atAdmission, message: message}, nil
	}
	app.UID = "<app-uid>"
	if errs := validation.ValidateSparkApplication(app); len(errs) > 0 {
		o := &outcome{refused: atAdmission, message: errs.ToAggregate().Error()}
		if !c.setup().webhook {
			o.refused = atSubmission // by the same rules
		}
		return o, nil
	}
	v1beta2.SetObjectDefaults_SparkApplication(app)
	o := &outcome{defaulted: app}
	if err := o.submit(c, app); err != nil {
		o.refused, o.message = atSubmission, err.Error()
	}
	return o, nil
}

// decode reads a manifest; the message says why it cannot be read.
func decode(manifest []byte) (app *v1beta2.SparkApplication, message string) {
	app = &v1beta2.SparkApplication{}
	if err := json.Unmarshal(manifest, app); err != nil {
		return nil, err.Error()
	}
	return app, ""
}

// submit builds what a submission creates. An error is the refusal.
func (o *outcome) submit(c *operatorCase, app *v1beta2.SparkApplication) error {
	setup := c.setup()
	ids := submit.NewIDs(testSubmissionID)
	uiRun := ui.Run{SubmissionID: testSubmissionID, SparkApplicationID: ids.App}
	params := translate.Params{
		SubmissionID: testSubmissionID,
		Master:       "k8s://https://" + testMaster,
		User:         "spark",
		SubmitTime:   time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	var err error
	if params.UIProxyBase, err = ui.ProxyBase(app, setup.ui, uiRun); err != nil {
		return err
	}
	if name := batchscheduler.NameFor(app, setup.defaultScheduler); setup.batchSchedulers != nil && name != "" {
		if params.Scheduler, err = batchscheduler.New(name, *setup.batchSchedulers); err != nil {
			return err
		}
	}
	run, err := translate.Build(app, params)
	if err != nil {
		return err
	}
	asSparkMakesIt(run)
	o.run = run
	if message := refusePod(run.Driver, c.Existing); message != "" {
		return fmt.Errorf("%s", message)
	}
	driver := run.Driver.DeepCopy()
	driver.UID = testDriverUID
	submit.Own(&run.Objects, driver)
	// What cannot be built is the matter of an event; the run goes on.
	endpoints, _ := ui.Build(app, setup.ui, uiRun)
	return o.collect(c, endpoints)
}

// collect gathers the objects as JSON trees with the recording's placeholders,
// and what the status says of them.
func (o *outcome) collect(c *operatorCase, endpoints ui.Objects) error {
	typed := []struct {
		kind   string
		object any
	}{{"Pod", o.run.Driver}}
	add := func(kind string, object any) {
		typed = append(typed, struct {
			kind   string
			object any
		}{kind, object})
	}
	for _, group := range o.run.Groups {
		add("PodGroup", group.Object)
	}
	for _, object := range o.run.Pre {
		add("PodGroup", object)
	}
	for _, secret := range o.run.Secrets {
		add("Secret", secret)
	}
	if o.run.Service != nil {
		add("Service", o.run.Service)
	}
	for _, claim := range o.run.Claims {
		add("PersistentVolumeClaim", claim)
	}
	for _, configMap := range o.run.ConfigMaps {
		add("ConfigMap", configMap)
	}
	if o.run.MonitoringConfig != nil {
		add("ConfigMap", o.run.MonitoringConfig)
	}
	all := endpoints.Driver
	if endpoints.Web != nil {
		all = append([]ui.Endpoint{*endpoints.Web}, all...)
	}
	for _, endpoint := range all {
		add("Service", endpoint.Service)
		if endpoint.Ingress != nil {
			add("Ingress", endpoint.Ingress)
		}
	}
	for _, one := range typed {
		object, err := tree(one.object)
		if err != nil {
			return err
		}
		object["kind"] = one.kind
		if foreign := c.namesake(object); foreign != nil {
			object = foreign // never taken over
		}
		o.objects = append(o.objects, object)
	}
	return o.setStatus(c, endpoints)
}

// namesake returns the object that was there before under the same name.
func (c *operatorCase) namesake(object map[string]any) map[string]any {
	for _, existing := range c.Existing {
		if existing["kind"] == object["kind"] && nameOf(existing) == nameOf(object) {
			return runtime.DeepCopyJSON(existing)
		}
	}
	return nil
}

// setStatus fills in what is known of the status as soon as the objects exist.
func (o *outcome) setStatus(c *operatorCase, endpoints ui.Objects) error {
	status := v1beta2.SparkApplicationStatus{
		SubmissionID:       testSubmissionID,
		SparkApplicationID: o.run.Driver.Labels[v1beta2.LabelSparkApplicationSelector],
	}
	status.DriverInfo.PodName = o.run.Driver.Name
	if web := endpoints.Web; web != nil {
		service, err := tree(web.Service)
		if err != nil {
			return err
		}
		service["kind"] = "Service"
		if live := web.Service.DeepCopy(); c.namesake(service) == nil {
			live.Spec.ClusterIP = "<cluster-ip>"
			ui.SetDriverInfo(&status.DriverInfo, web, live, web.Ingress != nil)
		}
	}
	var err error
	o.status, err = tree(&status)
	return err
}

// placeholders replaces what is random in a real submission by the recording's
// placeholders.
func placeholders() *strings.Replacer {
	ids := submit.NewIDs(testSubmissionID)
	return strings.NewReplacer(
		testSubmissionID, "<submission-id>",
		ids.App, "spark-<app-id>",
		ids.Resource, "<prefix-id>",
		ids.Service, "<prefix-id>",
		ids.ConfigMap, "<conf-map-id>",
		ids.LocalDir, "<uuid>",
		testMaster, "<apiserver>",
	)
}

// tree renders an object as JSON and reads it back with placeholders.
func tree(object any) (map[string]any, error) {
	if group, ok := object.(*unstructured.Unstructured); ok {
		object = group.Object
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var parsed map[string]any
	unescaped := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text))
	return parsed, json.Unmarshal([]byte(placeholders().Replace(unescaped)), &parsed)
}

// executor is the first executor as the driver would post it: the template from
// the ConfigMap with what Spark puts over it (BasicExecutorFeatureStep). The
// recording simplified the latter: one variable, fixed requests, no volumes;
// input is that pod for the template of the established operator.
func (o *outcome) executor(input, result map[string]any) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	for _, configMap := range o.run.ConfigMaps {
		if text, ok := configMap.Data["podspec-configmap-key"]; ok {
			if err := json.Unmarshal([]byte(text), pod); err != nil {
				return nil, fmt.Errorf("executor template: %w", err)
			}
		}
	}
	var recorded corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(input, &recorded); err != nil {
		return nil, err
	}
	mergeExecutor(pod, &recorded, variableNames(result), o.run.Properties)
	return pod, nil
}

// variableNames lists the environment variables of a pod.
func variableNames(pod map[string]any) (names []string) {
	containers, _, _ := unstructured.NestedSlice(pod, "spec", "containers")
	for _, container := range containers {
		if container, ok := container.(map[string]any); ok {
			for _, variable := range elements(container, "env", nil) {
				names = append(names, fmt.Sprint(variable["name"]))
			}
		}
	}
	return names
}
