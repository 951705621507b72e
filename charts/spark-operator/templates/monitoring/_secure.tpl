{{/*
What prometheus.metrics.secureMetrics adds to the pods of controller and webhook.
*/}}
{{- define "spark-operator.metrics.secure" -}}
{{- with .Values.prometheus.metrics }}{{ if and .enable .secureMetrics.enable }}true{{ end }}{{ end }}
{{- end }}

{{/*
Whose a token is, and what this user may do: questions about the whole cluster, so that these rules take a ClusterRole.
*/}}
{{- define "spark-operator.metrics.authRules" }}
# Checks the tokens of who scrapes the metrics.
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}

{{- define "spark-operator.metrics.certDir" -}}
/etc/spark-operator/metrics-certs
{{- end }}

{{- define "spark-operator.metrics.secureArgs" }}
{{- if include "spark-operator.metrics.secure" . }}
- --secure-metrics=true
{{- if .Values.prometheus.metrics.secureMetrics.certSecretName }}
- --metrics-cert-dir={{ include "spark-operator.metrics.certDir" . }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The volume with the certificate, and its mount, as YAML lists; none without prometheus.metrics.secureMetrics.certSecretName.
*/}}
{{- define "spark-operator.metrics.volumes" }}
{{- if include "spark-operator.metrics.secure" . }}
{{- with .Values.prometheus.metrics.secureMetrics.certSecretName }}
- name: metrics-certs
  secret:
    secretName: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "spark-operator.metrics.volumeMounts" }}
{{- if include "spark-operator.metrics.volumes" . }}
- name: metrics-certs
  mountPath: {{ include "spark-operator.metrics.certDir" . }}
  readOnly: true
{{- end }}
{{- end }}

{{/*
How Prometheus connects: scheme, and with prometheus.metrics.secureMetrics tlsConfig and authorization, as fields of an endpoint of
a PodMonitor or a ServiceMonitor. Arguments: context; scheme without secureMetrics.
*/}}
{{- define "spark-operator.metrics.connection" -}}
{{- if include "spark-operator.metrics.secure" .context }}
{{- with .context.Values.prometheus.metrics.secureMetrics -}}
scheme: https
tlsConfig:
  {{- .tlsConfig | default (dict "insecureSkipVerify" true) | toYaml | nindent 2 }}
authorization:
  type: Bearer
  credentials:
    name: {{ .tokenSecret.name }}
    key: {{ .tokenSecret.key }}
{{- end }}
{{- else -}}
scheme: {{ .scheme }}
{{- end }}
{{- end }}
