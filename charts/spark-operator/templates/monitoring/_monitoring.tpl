{{/*
The pods that have metrics, as a label selector: those of the operator and of the log archiver.
*/}}
{{- define "spark-operator.monitoredPods" -}}
{{- if or .Values.webhook.enable .Values.logArchive.enable -}}
matchLabels:
  {{- include "spark-operator.selectorLabels" . | nindent 2 }}
matchExpressions:
- key: app.kubernetes.io/component
  operator: In
  values: [controller{{ if .Values.webhook.enable }}, webhook{{ end }}{{ if .Values.logArchive.enable }}, log-archiver{{ end }}]
{{- else -}}
matchLabels:
  {{- include "spark-operator.controller.selectorLabels" . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "spark-operator.metrics.labels" -}}
{{ include "spark-operator.componentLabels" (dict "context" . "component" "metrics") }}
{{- end }}

{{/*
Text with names of metrics, as this release has them: with its prefix, which the metrics of the webhook and of the process do
not have, and grouped by the first of its labels.
*/}}
{{- define "spark-operator.metricNames" -}}
{{- $metrics := .context.Values.prometheus.metrics }}
{{- $prefix := $metrics.prefix | replace "-" "_" }}
{{- $label := splitList "," ($metrics.labels | default "app_type") | first | replace "-" "_" }}
{{- $prefixed := printf "${1}%s${2}" $prefix }}
{{- regexReplaceAll "(^|[^a-z_])((?:scheduled_)?spark_application_|spark_executor_(?:running|success|failure)_count|spark_operator_(?:crd|panics)_)" .text $prefixed | replace "app_type" $label }}
{{- end }}
