{{/*
One line for each value that is set and has no effect, with the reason. Such values of the chart of kubeflow/spark-operator do not
fail.
*/}}
{{- define "spark-operator.ineffective" -}}
{{- with .Values.image }}
{{- if include "spark-operator.foreignImage" .repository }}
image.repository: {{ .repository }} is not an image of this operator; the release uses {{ include "spark-operator.image" $ }}.
{{- with .tag }}
image.tag: {{ . }} is a tag of the other image.
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.hook.image.repository }}
{{- if include "spark-operator.foreignImage" . }}
hook.image.repository: {{ . }} is not an image of this operator; the hook uses {{ include "spark-operator.image" $ }}.
{{- end }}
{{- end }}
{{- with .Values.controller }}
{{- if and (gt (int .replicas) 1) (not .leaderElection.enable) }}
controller.leaderElection.enable: several replicas always elect a leader.
{{- end }}
{{- if and .uiIngress.enable (not .uiService.enable) }}
controller.uiIngress.enable: the backend of the Ingress is the Service that controller.uiService.enable creates.
{{- end }}
{{- if and .uiIngress.enable (not .uiIngress.urlFormat) }}
controller.uiIngress.enable: an Ingress requires controller.uiIngress.urlFormat.
{{- end }}
{{- if and .uiRoute.enable (not .uiService.enable) }}
controller.uiRoute.enable: the backend of the HTTPRoute is the Service that controller.uiService.enable creates.
{{- end }}
{{- if and .uiRoute.enable (not .uiRoute.urlFormat) }}
controller.uiRoute.enable: an HTTPRoute requires controller.uiRoute.urlFormat.
{{- end }}
{{- if and .batchScheduler.default (not .batchScheduler.enable) }}
controller.batchScheduler.default: batch schedulers require controller.batchScheduler.enable.
{{- end }}
{{- range .featureGates }}
{{- if and .enabled (eq .name "LoadSparkDefaults") }}
controller.featureGates LoadSparkDefaults: the operator has no spark-defaults.conf; use controller.defaultSparkConf.
{{- else if and .enabled (eq .name "RestSubmitter") }}
controller.featureGates RestSubmitter: submission is built in and needs no JVM.
{{- else if and .enabled (eq .name "DefaultTimeToLive") }}
controller.featureGates DefaultTimeToLive: controller.defaultTimeToLiveSeconds works without it.
{{- end }}
{{- end }}
{{- with .workqueueRateLimiter }}
{{- $max := .maxDelay | default dict }}
{{- if not (and (eq (int64 .bucketQPS) 50) (eq (int64 .bucketSize) 500) $max.enable (eq (toString $max.duration) "6h")) }}
controller.workqueueRateLimiter: applications share no rate limiter; each one is retried on its own.
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.submitter }}
{{- $probe := .startupProbe | default dict }}
{{- $given := list .serviceUrl .requestTimeout .startupTimeout .maxRetries .initialBackoff $probe.periodSeconds $probe.failureThreshold | join " " }}
{{- if ne $given "http://spark-operator-submitter-svc:8080/api/v1/spark-submit 2m 5m 3 2s 5 60" }}
submitter: submission is built in, so the operator calls no submitter.
{{- end }}
{{- end }}
{{- if and .Values.prometheus.metrics.secureMetrics.enable (not .Values.prometheus.metrics.enable) }}
prometheus.metrics.secureMetrics.enable: nothing serves metrics; see prometheus.metrics.enable.
{{- end }}
{{- if and .Values.certManager.enable (not .Values.webhook.enable) }}
certManager.enable: only the webhook needs a certificate; see webhook.enable.
{{- end }}
{{- if and .Values.webhook.resourceQuotaEnforcement.enable (not .Values.webhook.enable) }}
webhook.resourceQuotaEnforcement.enable: only the webhook checks quotas in advance; see webhook.enable.
{{- end }}
{{- if and .Values.webhook.enable (has .Release.Namespace .Values.spark.jobNamespaces) }}
webhook.enable: the namespace of the release, {{ .Release.Namespace }}, is never reviewed.
{{- end }}
{{- end }}
