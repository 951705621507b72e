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
{{- if .Values.webhook.enable }}
{{- if and .Values.webhook.podDisruptionBudget.enable (le (int .Values.webhook.replicas) 1) }}
{{- fail "webhook.podDisruptionBudget.enable requires webhook.replicas > 1: the budget would block every drain of the node" }}
{{- end }}
{{- if and .Values.webhook.topologySpreadConstraints (le (int .Values.webhook.replicas) 1) }}
{{- fail "webhook.topologySpreadConstraints requires webhook.replicas > 1" }}
{{- end }}
{{- end }}
{{- if .Values.prometheus.podMonitor.create }}
{{- if not .Values.prometheus.metrics.enable }}
{{- fail "prometheus.podMonitor.create requires prometheus.metrics.enable" }}
{{- end }}
{{- if not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/PodMonitor") }}
{{- fail "prometheus.podMonitor.create requires the PodMonitor CRD of the Prometheus operator (helm template: --api-versions monitoring.coreos.com/v1/PodMonitor)" }}
{{- end }}
{{- end }}
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
