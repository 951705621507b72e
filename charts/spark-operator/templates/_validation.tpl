{{/*
Contradictory values, which the schema cannot express. kubeflow/spark-operator's chart fails for them too, or installs a
controller that does not start.
*/}}
{{- define "spark-operator.validate" -}}
{{- $replicas := int .Values.controller.replicas }}
{{- if and .Values.controller.podDisruptionBudget.enable (le $replicas 1) }}
{{- fail "controller.podDisruptionBudget.enable requires controller.replicas > 1: the budget would block every drain of the node" }}
{{- end }}
{{- if and .Values.controller.topologySpreadConstraints (le $replicas 1) }}
{{- fail "controller.topologySpreadConstraints requires controller.replicas > 1" }}
{{- end }}
{{- if and .Values.logArchive.enable (not .Values.logArchive.bucket) }}
{{- fail "logArchive.enable requires logArchive.bucket, such as s3://NAME?region=REGION" }}
{{- end }}
{{- if and .Values.controller.dryRun .Values.webhook.enable }}
{{- fail "controller.dryRun requires webhook.enable=false: the webhook would refuse and change objects" }}
{{- end }}
{{- if and .Values.controller.dryRun .Values.admissionPolicies.enable }}
{{- fail "controller.dryRun requires admissionPolicies.enable=false: the policies would refuse and change objects" }}
{{- end }}
{{- if .Values.webhook.enable }}
{{- if and .Values.webhook.podDisruptionBudget.enable (le (int .Values.webhook.replicas) 1) }}
{{- fail "webhook.podDisruptionBudget.enable requires webhook.replicas > 1: the budget would block every drain of the node" }}
{{- end }}
{{- if and .Values.webhook.topologySpreadConstraints (le (int .Values.webhook.replicas) 1) }}
{{- fail "webhook.topologySpreadConstraints requires webhook.replicas > 1" }}
{{- end }}
{{- end }}
{{- range $value, $kind := dict "podMonitor" "PodMonitor" "serviceMonitor" "ServiceMonitor" "applicationPodMonitor" "PodMonitor" "prometheusRule" "PrometheusRule" }}
{{- if (get $.Values.prometheus $value).create }}
{{- if and (ne $value "applicationPodMonitor") (not $.Values.prometheus.metrics.enable) }}
{{- fail (printf "prometheus.%s.create requires prometheus.metrics.enable" $value) }}
{{- end }}
{{- if not ($.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind)) }}
{{- fail (printf "prometheus.%s.create requires the %s CRD of the Prometheus operator (helm template: --api-versions monitoring.coreos.com/v1/%s)" $value $kind $kind) }}
{{- end }}
{{- if and (has $value (list "podMonitor" "serviceMonitor")) (include "spark-operator.metrics.secure" $) (not $.Values.prometheus.metrics.secureMetrics.tokenSecret.name) }}
{{- fail (printf "prometheus.%s.create with prometheus.metrics.secureMetrics.enable requires prometheus.metrics.secureMetrics.tokenSecret.name: Prometheus must send a token" $value) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.prometheus.podMonitor.create .Values.prometheus.serviceMonitor.create }}
{{- fail "prometheus.podMonitor.create and prometheus.serviceMonitor.create would scrape each pod twice: choose one" }}
{{- end }}
{{- if and .Values.controller.uiRoute.enable .Values.controller.uiIngress.enable }}
{{- fail "controller.uiRoute.enable and controller.uiIngress.enable: the web UI has one URL; enable only one of them" }}
{{- end }}
{{- include "spark-operator.history.validate" . }}
{{- range .Values.controller.featureGates }}
{{- if and .enabled (not (has .name (list "PartialRestart" "DefaultTimeToLive" "LoadSparkDefaults" "RestSubmitter"))) }}
{{- fail (printf "controller.featureGates: this version does not have %s; remove it" .name) }}
{{- end }}
{{- end }}
{{- with .Values.controller.batchScheduler }}
{{- if and .enable .default (not (has .default (concat (list "volcano" "yunikorn") (.kubeSchedulerNames | default list)))) }}
{{- fail (printf "controller.batchScheduler.default: %s is not volcano, yunikorn or one of controller.batchScheduler.kubeSchedulerNames" .default) }}
{{- end }}
{{- end }}
{{- end }}
