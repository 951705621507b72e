{{- define "spark-operator.logArchive.name" -}}
{{ include "spark-operator.fullname" . }}-log-archiver
{{- end }}

{{- define "spark-operator.logArchive.selectorLabels" -}}
{{ include "spark-operator.selectorLabels" . }}
app.kubernetes.io/component: log-archiver
{{- end }}

{{- define "spark-operator.logArchive.labels" -}}
{{ include "spark-operator.componentLabels" (dict "context" . "component" "log-archiver") }}
{{- end }}

{{- define "spark-operator.logArchive.podLabels" -}}
{{ merge (include "spark-operator.logArchive.selectorLabels" . | fromYaml) (.Values.logArchive.labels | default dict) (.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{- define "spark-operator.logArchive.serviceAccountName" -}}
{{- if .Values.logArchive.serviceAccount.create }}
{{- .Values.logArchive.serviceAccount.name | default (include "spark-operator.logArchive.name" .) }}
{{- else }}
{{- .Values.logArchive.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "spark-operator.logArchive.image" -}}
{{- with .Values.logArchive.image }}
{{- with .registry | default $.Values.image.registry }}{{ . }}/{{ end }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/*
The name of the port with its metrics. It differs from that of the operator, because the monitors select the pods of both, and the
log archiver has no HTTPS.
*/}}
{{- define "spark-operator.logArchive.metricsPort" -}}
archive-metrics
{{- end }}
