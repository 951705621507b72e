{{/*
Checks that the schema cannot express: contradictory values, and values of the chart of kubeflow/spark-operator that this
version does not support.
*/}}
{{- define "spark-operator.validate" -}}
{{- $replicas := int .Values.controller.replicas }}
{{- if and .Values.controller.podDisruptionBudget.enable (le $replicas 1) }}
{{- fail "controller.podDisruptionBudget.enable requires controller.replicas > 1: the budget would block every drain of the node" }}
{{- end }}
{{- if and .Values.controller.topologySpreadConstraints (le $replicas 1) }}
{{- fail "controller.topologySpreadConstraints requires controller.replicas > 1" }}
{{- end }}
{{- if and (gt $replicas 1) (not .Values.controller.leaderElection.enable) }}
{{- fail "controller.replicas > 1 requires controller.leaderElection.enable: two controllers would reconcile the same applications" }}
{{- end }}
{{- if and .Values.controller.uiIngress.enable (not .Values.controller.uiService.enable) }}
{{- fail "controller.uiIngress.enable requires controller.uiService.enable: that Service is the backend of the Ingress" }}
{{- end }}
{{- if and .Values.controller.uiIngress.enable (not .Values.controller.uiIngress.urlFormat) }}
{{- fail "controller.uiIngress.enable requires controller.uiIngress.urlFormat" }}
{{- end }}
{{- if .Values.prometheus.podMonitor.create }}
{{- if not .Values.prometheus.metrics.enable }}
{{- fail "prometheus.podMonitor.create requires prometheus.metrics.enable" }}
{{- end }}
{{- if not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/PodMonitor") }}
{{- fail "prometheus.podMonitor.create requires the PodMonitor CRD of the Prometheus operator (helm template: --api-versions monitoring.coreos.com/v1/PodMonitor)" }}
{{- end }}
{{- end }}
{{- if .Values.hook.upgradeCrd }}
{{- fail "hook.upgradeCrd: not part of this version; set it to false and run kubectl apply --server-side --force-conflicts -f crds/ before helm upgrade" }}
{{- end }}
{{- with .Values.controller.workqueueRateLimiter }}
{{- if not (and (eq (int64 (.bucketQPS | default 50)) 50) (eq (int64 (.bucketSize | default 500)) 500) (eq ((.maxDelay | default dict).duration | default "6h") "6h")) }}
{{- fail "controller.workqueueRateLimiter: this version has no shared bucket; failed syncs are retried per application; remove it" }}
{{- end }}
{{- end }}
{{- range .Values.controller.featureGates }}
{{- if and .enabled (not (has .name (list "PartialRestart" "DefaultTimeToLive"))) }}
{{- fail (printf "controller.featureGates: this version does not have %s; remove it" .name) }}
{{- end }}
{{- end }}
{{- $default := .Values.controller.batchScheduler.default }}
{{- if and $default (not .Values.controller.batchScheduler.enable) }}
{{- fail "controller.batchScheduler.default requires controller.batchScheduler.enable" }}
{{- end }}
{{- if and $default (not (has $default (concat (list "volcano" "yunikorn") (.Values.controller.batchScheduler.kubeSchedulerNames | default list)))) }}
{{- fail (printf "controller.batchScheduler.default: %s is not volcano, yunikorn or one of controller.batchScheduler.kubeSchedulerNames" $default) }}
{{- end }}
{{- end }}
