{{/*
Labels and annotations of an object that exists only while the hook runs; arguments: context and weight. The Job stays after a
failure, so that its log can be read.
*/}}
{{- define "spark-operator.hook.metadata" -}}
labels:
  {{- include "spark-operator.hook.labels" .context | nindent 2 }}
annotations:
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded{{ if ne .weight "4" }},hook-failed{{ end }}
{{- end }}
