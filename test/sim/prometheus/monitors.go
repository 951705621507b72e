// SPDX-License-Identifier: Apache-2.0

// Package prometheus plays the part of the Prometheus Operator: it makes the chart's
// monitors and alerts the configuration of a Prometheus that runs outside the cluster.
package prometheus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Monitor is a PodMonitor or a ServiceMonitor, with the fields that the chart uses.
type Monitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              MonitorSpec `json:"spec"`
}

// MonitorSpec has the fields of both kinds.
type MonitorSpec struct {
	JobLabel            string               `json:"jobLabel,omitempty"`
	Selector            metav1.LabelSelector `json:"selector"`
	NamespaceSelector   NamespaceSelector    `json:"namespaceSelector,omitzero"`
	PodTargetLabels     []string             `json:"podTargetLabels,omitempty"`
	PodMetricsEndpoints []Endpoint           `json:"podMetricsEndpoints,omitempty"`
	Endpoints           []Endpoint           `json:"endpoints,omitempty"`
}

// NamespaceSelector selects the monitor's own namespace if it is empty.
type NamespaceSelector struct {
	Any        bool     `json:"any,omitempty"`
	MatchNames []string `json:"matchNames,omitempty"`
}

// Endpoint is a port of the selected pods or services.
type Endpoint struct {
	Port        string       `json:"port"`
	Path        string       `json:"path"`
	Scheme      string       `json:"scheme,omitempty"`
	Interval    string       `json:"interval"`
	Relabelings []Relabeling `json:"relabelings,omitempty"`
}

// Relabeling chooses targets and their labels.
type Relabeling struct {
	SourceLabels []string `json:"sourceLabels,omitempty"`
	Regex        string   `json:"regex,omitempty"`
	TargetLabel  string   `json:"targetLabel,omitempty"`
	Replacement  string   `json:"replacement,omitempty"`
	Action       string   `json:"action,omitempty"`
}

// Rules is a PrometheusRule.
type Rules struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Groups []RuleGroup `json:"groups"`
	} `json:"spec"`
}

// RuleGroup is a list of alerts.
type RuleGroup struct {
	Name  string  `json:"name"`
	Rules []Alert `json:"rules"`
}

// Alert is one rule.
type Alert struct {
	Alert       string            `json:"alert,omitempty"`
	Record      string            `json:"record,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// scrapeConfig is a part of Prometheus' own configuration.
type scrapeConfig struct {
	JobName           string           `json:"job_name"`
	ScrapeInterval    string           `json:"scrape_interval"`
	ScrapeTimeout     string           `json:"scrape_timeout"`
	MetricsPath       string           `json:"metrics_path"`
	Scheme            string           `json:"scheme,omitempty"`
	TLSConfig         map[string]any   `json:"tls_config,omitempty"`
	KubernetesConfigs []map[string]any `json:"kubernetes_sd_configs"`
	RelabelConfigs    []relabelConfig  `json:"relabel_configs"`
}

type relabelConfig struct {
	SourceLabels []string `json:"source_labels,omitempty"`
	Regex        string   `json:"regex,omitempty"`
	TargetLabel  string   `json:"target_label,omitempty"`
	Replacement  string   `json:"replacement,omitempty"`
	Action       string   `json:"action,omitempty"`
}

// scrapeConfigs translates a monitor as the Prometheus Operator does. Interval replaces
// that of the endpoints.
func (m *Monitor) scrapeConfigs(kubeconfig, interval string) ([]scrapeConfig, error) {
	role, object := "pod", "pod"
	endpoints, port := m.Spec.PodMetricsEndpoints, "__meta_kubernetes_pod_container_port_name"
	if m.Kind == "ServiceMonitor" {
		role, object = "endpointslice", "service"
		endpoints, port = m.Spec.Endpoints, "__meta_kubernetes_endpointslice_port_name"
	}
	selected, err := selectorRelabels(&m.Spec.Selector, "__meta_kubernetes_"+object+"_")
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.Kind, m.Name, err)
	}
	discovery := map[string]any{"role": role, "kubeconfig_file": kubeconfig}
	switch selector := m.Spec.NamespaceSelector; {
	case selector.Any:
	case len(selector.MatchNames) > 0:
		discovery["namespaces"] = map[string]any{"names": selector.MatchNames}
	default:
		discovery["namespaces"] = map[string]any{"names": []string{m.Namespace}}
	}
	var configs []scrapeConfig
	for i, endpoint := range endpoints {
		relabels := slices.Concat(
			[]relabelConfig{{SourceLabels: []string{"__meta_kubernetes_pod_phase"}, Regex: "(Failed|Succeeded)", Action: "drop"}},
			selected,
			[]relabelConfig{
				{SourceLabels: []string{port}, Regex: endpoint.Port, Action: "keep"},
				copied("__meta_kubernetes_namespace", "namespace"),
				copied("__meta_kubernetes_pod_container_name", "container"),
				copied("__meta_kubernetes_pod_name", "pod"),
				{TargetLabel: "job", Replacement: m.Namespace + "/" + m.Name},
				{TargetLabel: "endpoint", Replacement: endpoint.Port},
			})
		if m.Kind == "ServiceMonitor" {
			relabels = append(relabels, copied("__meta_kubernetes_service_name", "service"), copied("__meta_kubernetes_service_name", "job"))
		}
		if m.Spec.JobLabel != "" {
			relabels = append(relabels, copied("__meta_kubernetes_"+object+"_label_"+labelName(m.Spec.JobLabel), "job"))
		}
		for _, label := range m.Spec.PodTargetLabels {
			relabels = append(relabels, copied("__meta_kubernetes_pod_label_"+labelName(label), labelName(label)))
		}
		for _, relabeling := range endpoint.Relabelings {
			relabels = append(relabels, relabelConfig(relabeling))
		}
		configs = append(configs, scrapeConfig{
			JobName:        fmt.Sprintf("%s/%s/%s/%d", m.Kind, m.Namespace, m.Name, i),
			ScrapeInterval: interval, ScrapeTimeout: interval,
			MetricsPath: endpoint.Path, Scheme: endpoint.Scheme,
			KubernetesConfigs: []map[string]any{discovery},
			RelabelConfigs:    relabels,
		})
	}
	return configs, nil
}

// proxy makes a configuration lead through the API server, which reaches pods that this
// machine does not. The labels of the targets stay as they are without it.
func (c *scrapeConfig) proxy(server *rest.Config) error {
	host, found := strings.CutPrefix(server.Host, "https://")
	if !found {
		return fmt.Errorf("the API server %s: want https", server.Host)
	}
	credentials := rest.CopyConfig(server)
	if err := rest.LoadTLSFiles(credentials); err != nil {
		return err
	}
	c.TLSConfig = map[string]any{
		"ca": string(credentials.CAData), "cert": string(credentials.CertData), "key": string(credentials.KeyData),
	}
	c.RelabelConfigs = append(
		c.RelabelConfigs,
		copied("__address__", "instance"),
		relabelConfig{
			SourceLabels: []string{"__meta_kubernetes_namespace", "__meta_kubernetes_pod_name", "__address__", "__metrics_path__"},
			Regex:        `(.+);(.+);.+:(\d+);(.+)`,
			TargetLabel:  "__metrics_path__", Replacement: "/api/v1/namespaces/$1/pods/$2:$3/proxy$4",
		},
		relabelConfig{TargetLabel: "__address__", Replacement: host},
		relabelConfig{TargetLabel: "__scheme__", Replacement: "https"},
	)
	return nil
}

// copied copies a label that is not empty.
func copied(from, to string) relabelConfig {
	return relabelConfig{SourceLabels: []string{from}, Regex: "(.+)", TargetLabel: to, Replacement: "$1"}
}

// selectorRelabels keep what a selector selects.
func selectorRelabels(selector *metav1.LabelSelector, prefix string) ([]relabelConfig, error) {
	var relabels []relabelConfig
	keep := func(key, values string) {
		name := labelName(key)
		relabels = append(relabels, relabelConfig{
			SourceLabels: []string{prefix + "label_" + name, prefix + "labelpresent_" + name},
			Regex:        "(" + values + ");true", Action: "keep",
		})
	}
	for key, value := range selector.MatchLabels {
		keep(key, regexp.QuoteMeta(value))
	}
	for _, requirement := range selector.MatchExpressions {
		if requirement.Operator != metav1.LabelSelectorOpIn {
			return nil, fmt.Errorf("the operator %s is not translated", requirement.Operator)
		}
		keep(requirement.Key, strings.Join(requirement.Values, "|"))
	}
	return relabels, nil
}

var notInLabelNames = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// labelName is a label of Kubernetes as Prometheus names it.
func labelName(label string) string { return notInLabelNames.ReplaceAllString(label, "_") }
