// SPDX-License-Identifier: Apache-2.0

package migrate_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/migrate"
)

const plain = `
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: pi, namespace: jobs}
spec:
  type: Scala
  sparkVersion: 4.0.4
  image: spark:4.0.4
  mainClass: org.example.Main
  mainApplicationFile: local:///app.jar
  driver: {cores: 1, memory: 512m}
  executor: {instances: 1, cores: 1, memory: 512m}
`

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestApplication(t *testing.T) {
	for name, test := range map[string]struct {
		change [2]string
		want   migrate.Result
		detail string
	}{
		"plain":                   {want: migrate.Same},
		"field without effect":    {change: [2]string{"  type:", "  sparkConf: {spark.driver.memory: 1g}\n  type:"}, want: migrate.Changes, detail: "spark.driver.memory"},
		"denied by admission":     {change: [2]string{"  type:", "  sparkConf: {spark.kubernetes.container.image: a}\n  type:"}, want: migrate.Changes, detail: "container.image"},
		"client mode":             {change: [2]string{"  type:", "  mode: client\n  type:"}, want: migrate.Refused, detail: "mode"},
		"refused by Spark":        {change: [2]string{"memory: 512m", "memory: much"}, want: migrate.Refused, detail: "much"},
		"not decodable":           {change: [2]string{"instances: 1", "instances: many"}, want: migrate.Refused, detail: "instances"},
		"finished and not to run": {change: [2]string{"spec:", "status: {applicationState: {state: COMPLETED}}\nspec:\n  mode: client"}, want: migrate.Same},
	} {
		t.Run(name, func(t *testing.T) {
			text := plain
			if test.change[0] != "" {
				text = strings.Replace(plain, test.change[0], test.change[1], 1)
			}
			got := migrate.Application(parse(t, text))
			if got.Result != test.want || !strings.Contains(strings.Join(got.Details, " "), test.detail) || got.Name != "pi" || got.Namespace != "jobs" {
				t.Errorf("%+v, want %s because of %q", got, test.want, test.detail)
			}
			for _, detail := range got.Details {
				if strings.Contains(detail, "\n") {
					t.Errorf("more than one line: %q", detail)
				}
			}
		})
	}
}

func TestSchedule(t *testing.T) {
	const schedule = `
apiVersion: sparkoperator.k8s.io/v1beta2
kind: ScheduledSparkApplication
metadata: {name: nightly, namespace: jobs}
spec:
  schedule: "@daily"
  template:
    type: Scala
    sparkVersion: 4.0.4
    image: spark:4.0.4
    mainClass: org.example.Main
    mainApplicationFile: local:///app.jar
    driver: {}
    executor: {}
`
	if got := migrate.Schedule(parse(t, schedule)); got.Result != migrate.Same {
		t.Errorf("%+v", got)
	}
	got := migrate.Schedule(parse(t, strings.Replace(schedule, "@daily", "at noon", 1)))
	if got.Result != migrate.Refused || !strings.Contains(strings.Join(got.Details, ""), "spec.schedule") {
		t.Errorf("%+v", got)
	}
}

func TestConnect(t *testing.T) {
	const server = `
apiVersion: sparkoperator.k8s.io/v1alpha1
kind: SparkConnect
metadata: {name: notebook, namespace: jobs}
spec:
  sparkVersion: 4.0.4
  image: spark:4.0.4
  server: {cores: 1, memory: 512m}
  executor: {instances: 1, cores: 1, memory: 512m}
status: {state: Ready}
`
	template := func(container string) [2]string {
		return [2]string{"memory: 512m}\n  executor", "memory: 512m, template: {spec: {containers: [" + container + "]}}}\n  executor"}
	}
	for name, test := range map[string]struct {
		change [2]string
		want   migrate.Result
		detail string
	}{
		"plain":                   {want: migrate.Same},
		"without status":          {change: [2]string{"status: {state: Ready}", ""}, want: migrate.Same},
		"template":                {change: template("{name: spark, resources: {requests: {cpu: 1}}}"), want: migrate.Same},
		"command":                 {change: template("{name: sidecar, image: a}, {name: spark-kubernetes-driver, command: [sh]}"), want: migrate.Changes, detail: "containers[1].command has effect"},
		"lifecycle":               {change: template("{name: spark, lifecycle: {preStop: {exec: {command: [a]}}}}"), want: migrate.Changes, detail: "containers[0].lifecycle has effect"},
		"unknown field":           {change: [2]string{"  server:", "  port: 15002\n  server:"}, want: migrate.Changes, detail: "spec.port: this operator does not have the field"},
		"property without effect": {change: [2]string{"  server:", "  sparkConf: {spark.driver.host: a}\n  server:"}, want: migrate.Changes, detail: "spark.driver.host has no effect"},
		"denied by admission":     {change: [2]string{"  server:", "  sparkConf: {spark.kubernetes.container.image: a}\n  server:"}, want: migrate.Changes, detail: "container.image"},
		"file of the submitter":   {change: [2]string{"  server:", "  sparkConf: {spark.kubernetes.driver.podTemplateFile: a}\n  server:"}, want: migrate.Refused, detail: "spec.server.template"},
		"old Spark":               {change: [2]string{"sparkVersion: 4.0.4", "sparkVersion: 3.3.2"}, want: migrate.Refused, detail: "spec.sparkVersion"},
		"no quantity":             {change: [2]string{"  server:", "  sparkConf: {spark.kubernetes.driver.request.cores: many}\n  server:"}, want: migrate.Refused, detail: "not an amount of CPU"},
		"failed, invalid":         {change: [2]string{"instances: 1, cores: 1, memory: 512m}\nstatus: {state: Ready}", "memory: much}\nstatus: {state: Failed}"}, want: migrate.Refused, detail: "much"},
		"not decodable":           {change: [2]string{"instances: 1", "instances: many"}, want: migrate.Refused, detail: "instances"},
	} {
		t.Run(name, func(t *testing.T) {
			text := server
			if test.change[0] != "" {
				if text = strings.Replace(server, test.change[0], test.change[1], 1); text == server {
					t.Fatal("nothing was changed")
				}
			}
			got := migrate.Connect(parse(t, text))
			if got.Result != test.want || !strings.Contains(strings.Join(got.Details, " "), test.detail) || got.Kind != "SparkConnect" || got.Name != "notebook" {
				t.Errorf("%+v, want %s because of %q", got, test.want, test.detail)
			}
			for _, detail := range got.Details {
				if strings.Contains(detail, "\n") || strings.Contains(detail, "will be refused") {
					t.Errorf("detail %q", detail)
				}
			}
		})
	}
}

func TestSort(t *testing.T) {
	findings := []migrate.Finding{{Name: "b", Result: migrate.Same}, {Name: "c", Result: migrate.Refused}, {Name: "a", Result: migrate.Same}, {Name: "d", Result: migrate.Changes}}
	migrate.Sort(findings)
	var order string
	for _, finding := range findings {
		order += finding.Name
	}
	if order != "cdab" {
		t.Errorf("order %s", order)
	}
}
