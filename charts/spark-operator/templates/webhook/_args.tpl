{{/*
The command line of the webhook, as a YAML list.
*/}}
{{- define "spark-operator.webhook.args" -}}
{{- with .Values.webhook -}}
- webhook
- start
- --zap-log-level={{ .logLevel }}
- --zap-encoder={{ .logEncoder }}
{{- with (include "spark-operator.jobNamespaces" $ | fromJson).list }}
- --namespaces={{ join "," . }}
{{- end }}
{{- with $.Values.spark.jobNamespaceSelector }}
- {{ printf "--namespace-selector=%s" . | quote }}
{{- end }}
{{- with $.Values.spark.applicationSelector }}
- {{ printf "--application-selector=%s" . | quote }}
{{- end }}
- --kube-api-qps={{ .kubeAPIQPS }}
- --kube-api-burst={{ int64 .kubeAPIBurst }}
{{- include "spark-operator.defaultArgs" $ }}
{{- include "spark-operator.gateArgs" $ }}
- --mutating-webhook-name={{ include "spark-operator.webhook.name" $ }}
- --validating-webhook-name={{ include "spark-operator.webhook.name" $ }}
- --webhook-port={{ int64 .port }}
- --webhook-svc-name={{ include "spark-operator.webhook.serviceName" $ }}
- --webhook-svc-namespace={{ $.Release.Namespace }}
- --webhook-secret-name={{ include "spark-operator.webhook.secretName" $ }}
- --webhook-secret-namespace={{ $.Release.Namespace }}
{{- if .resourceQuotaEnforcement.enable }}
- --enable-resource-quota-enforcement=true
{{- end }}
{{- if $.Values.certManager.enable }}
- --enable-cert-manager=true
{{- end }}
- --health-probe-bind-address=:8081
{{- with $.Values.prometheus.metrics }}
{{- if .enable }}
- --enable-metrics=true
- --metrics-bind-address=:{{ int64 .port }}
- --metrics-endpoint={{ .endpoint }}
{{- include "spark-operator.metrics.secureArgs" $ }}
{{- end }}
{{- end }}
{{- if .leaderElection.enable }}
- --leader-election=true
- --leader-election-lock-name={{ include "spark-operator.webhook.leaseName" $ }}
- --leader-election-lock-namespace={{ $.Release.Namespace }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The ports of the webhook, as a YAML list.
*/}}
{{- define "spark-operator.webhook.ports" }}
- name: {{ .Values.webhook.portName }}
  containerPort: {{ int64 .Values.webhook.port }}
- name: health
  containerPort: 8081
{{- with .Values.prometheus.metrics }}
{{- if .enable }}
- name: {{ .portName }}
  containerPort: {{ int64 .port }}
{{- end }}
{{- end }}
{{- end }}
