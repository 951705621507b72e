{{/*
Names and labels. Scripts, dashboards and other charts use them: they are those of kubeflow/spark-operator's chart.
*/}}

{{- define "spark-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "spark-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := .Values.nameOverride | default .Chart.Name }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Values files of kubeflow/spark-operator name its images, which do not know the command line of this chart.
*/}}
{{- define "spark-operator.foreignImage" -}}
{{- regexMatch "(^|/)kubeflow/spark-operator(/(controller|kubectl))?$" . | ternary "true" "" }}
{{- end }}

{{- define "spark-operator.image" -}}
{{- $repository := .Values.image.repository }}
{{- $tag := .Values.image.tag }}
{{- $registry := .Values.image.registry }}
{{- if include "spark-operator.foreignImage" $repository }}
{{- $repository = regexReplaceAll "kubeflow/spark-operator(/(controller|kubectl))?$" $repository "spark-operator/spark-operator" }}
{{- $tag = "" }}
{{- if eq $registry "docker.io" }}
{{- $registry = "ghcr.io" }}
{{- end }}
{{- end }}
{{- with $registry }}{{ . }}/{{ end }}{{ $repository }}:{{ $tag | default .Chart.AppVersion }}
{{- end }}

{{- define "spark-operator.hook.image" -}}
{{- with .Values.hook.image }}
{{- if or (not .repository) (include "spark-operator.foreignImage" .repository) }}
{{- include "spark-operator.image" $ }}
{{- else }}
{{- with .registry | default $.Values.image.registry }}{{ . }}/{{ end }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- define "spark-operator.hook.name" -}}
{{ include "spark-operator.fullname" . }}-hook
{{- end }}

{{- define "spark-operator.hook.labels" -}}
{{ include "spark-operator.componentLabels" (dict "context" . "component" "hook") }}
{{- end }}

{{- define "spark-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "spark-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/*
The labels of an object; arguments: context and component.
*/}}
{{- define "spark-operator.componentLabels" -}}
{{- $labels := include "spark-operator.selectorLabels" .context | fromYaml }}
{{- $_ := set $labels "app.kubernetes.io/component" .component }}
{{- $_ := set $labels "app.kubernetes.io/version" .context.Chart.AppVersion }}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .context.Release.Service }}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- merge $labels (.context.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{- define "spark-operator.controller.name" -}}
{{ include "spark-operator.fullname" . }}-controller
{{- end }}

{{- define "spark-operator.controller.selectorLabels" -}}
{{ include "spark-operator.selectorLabels" . }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "spark-operator.controller.labels" -}}
{{ include "spark-operator.componentLabels" (dict "context" . "component" "controller") }}
{{- end }}

{{- define "spark-operator.controller.podLabels" -}}
{{ merge (include "spark-operator.controller.selectorLabels" . | fromYaml) (.Values.controller.labels | default dict) (.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{- define "spark-operator.controller.podAnnotations" -}}
{{- merge (deepCopy (.Values.controller.annotations | default dict)) (include "spark-operator.scrapeAnnotations" . | fromYaml) | toYaml }}
{{- end }}

{{- define "spark-operator.scrapeAnnotations" -}}
{{- with .Values.prometheus.metrics }}
{{- if .enable }}
{{- $annotations := dict "prometheus.io/scrape" "true" "prometheus.io/port" (int64 .port | toString) "prometheus.io/path" .endpoint }}
{{- if .secureMetrics.enable }}
{{- $_ := set $annotations "prometheus.io/scheme" "https" }}
{{- end }}
{{- $annotations | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{- define "spark-operator.controller.serviceAccountName" -}}
{{- if .Values.controller.serviceAccount.create }}
{{- .Values.controller.serviceAccount.name | default (include "spark-operator.controller.name" .) }}
{{- else }}
{{- .Values.controller.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/*
"true" if the replicas of the controller elect a leader.
*/}}
{{- define "spark-operator.controller.elects" -}}
{{- if or .Values.controller.leaderElection.enable (gt (int .Values.controller.replicas) 1) }}true{{ end }}
{{- end }}

{{- define "spark-operator.controller.leaseName" -}}
{{ include "spark-operator.controller.name" . }}-lock
{{- end }}

{{- define "spark-operator.webhook.name" -}}
{{ include "spark-operator.fullname" . }}-webhook
{{- end }}

{{- define "spark-operator.webhook.selectorLabels" -}}
{{ include "spark-operator.selectorLabels" . }}
app.kubernetes.io/component: webhook
{{- end }}

{{- define "spark-operator.webhook.labels" -}}
{{ include "spark-operator.componentLabels" (dict "context" . "component" "webhook") }}
{{- end }}

{{- define "spark-operator.webhook.podLabels" -}}
{{ merge (include "spark-operator.webhook.selectorLabels" . | fromYaml) (.Values.webhook.labels | default dict) (.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{- define "spark-operator.webhook.podAnnotations" -}}
{{- merge (deepCopy (.Values.webhook.annotations | default dict)) (include "spark-operator.scrapeAnnotations" . | fromYaml) | toYaml }}
{{- end }}

{{- define "spark-operator.webhook.serviceAccountName" -}}
{{- if .Values.webhook.serviceAccount.create }}
{{- .Values.webhook.serviceAccount.name | default (include "spark-operator.webhook.name" .) }}
{{- else }}
{{- .Values.webhook.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "spark-operator.webhook.serviceName" -}}
{{ include "spark-operator.webhook.name" . }}-svc
{{- end }}

{{- define "spark-operator.webhook.secretName" -}}
{{ include "spark-operator.webhook.name" . }}-certs
{{- end }}

{{- define "spark-operator.webhook.leaseName" -}}
{{ include "spark-operator.webhook.name" . }}-lock
{{- end }}

{{- define "spark-operator.certManager.certificateName" -}}
{{ include "spark-operator.name" . }}-certificate
{{- end }}

{{- define "spark-operator.certManager.issuerName" -}}
{{ include "spark-operator.name" . }}-self-signed-issuer
{{- end }}

{{- define "spark-operator.spark.name" -}}
{{ include "spark-operator.fullname" . }}-spark
{{- end }}

{{- define "spark-operator.spark.labels" -}}
{{ include "spark-operator.componentLabels" (dict "context" . "component" "spark") }}
{{- end }}

{{- define "spark-operator.spark.serviceAccountName" -}}
{{- if .Values.spark.serviceAccount.create }}
{{- .Values.spark.serviceAccount.name | default (include "spark-operator.spark.name" .) }}
{{- else }}
{{- .Values.spark.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/*
The listed job namespaces as a JSON list under "list": none if every namespace is watched.
*/}}
{{- define "spark-operator.jobNamespaces" -}}
{{- $namespaces := .Values.spark.jobNamespaces | default list | uniq }}
{{- if has "" $namespaces }}
{{- $namespaces = list }}
{{- end }}
{{- dict "list" $namespaces | toJson }}
{{- end }}

{{/*
"true" if the controller watches namespaces that are not listed.
*/}}
{{- define "spark-operator.clusterWide" -}}
{{- if or .Values.spark.jobNamespaceSelector (not (include "spark-operator.jobNamespaces" . | fromJson).list) }}true{{ end }}
{{- end }}
