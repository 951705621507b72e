{{/*
Where event logs go and where they are shown, as JSON: dir, claimName and urlTemplate for the operator; with historyServer.enable
also createClaim and the namespace of the server.
*/}}
{{- define "spark-operator.history" -}}
{{- $given := .Values.controller.history }}
{{- $history := dict "dir" $given.dir "claimName" $given.claimName "urlTemplate" $given.urlTemplate }}
{{- with .Values.historyServer }}
{{- if .enable }}
{{- $dir := $given.dir | default "file:///spark-events" }}
{{- $namespace := .namespace | default $.Release.Namespace }}
{{- if hasPrefix "file:" $dir }}
{{- $jobs := (include "spark-operator.jobNamespaces" $ | fromJson).list }}
{{- if and (not .namespace) (eq (len $jobs) 1) }}
{{- $namespace = first $jobs }}
{{- end }}
{{- if not $given.claimName }}
{{- $_ := set $history "claimName" (include "spark-operator.historyServer.name" $) }}
{{- $_ := set $history "createClaim" true }}
{{- end }}
{{- end }}
{{- $url := printf "http://%s.%s.svc:%d" (include "spark-operator.historyServer.name" $) $namespace (int64 .service.port) }}
{{- if .url }}
{{- $url = .url }}
{{- else if .ingress.enable }}
{{- $url = printf "%s://%s" (empty .ingress.tls | ternary "http" "https") .ingress.host }}
{{- else if .route.enable }}
{{- $url = printf "https://%s" .route.host }}
{{- end }}
{{- $_ := set $history "dir" $dir }}
{{- $_ := set $history "namespace" $namespace }}
{{- $_ := set $history "urlTemplate" ($given.urlTemplate | default (printf "%s/history/{{$appId}}/jobs/" (trimSuffix "/" $url))) }}
{{- end }}
{{- end }}
{{- $history | toJson }}
{{- end }}

{{- define "spark-operator.history.validate" -}}
{{- $history := include "spark-operator.history" . | fromJson }}
{{- if and $history.claimName (not (hasPrefix "file:///" $history.dir)) }}
{{- fail "controller.history.claimName: the claim is mounted at the path of controller.history.dir; set that to a URL such as file:///spark-events" }}
{{- end }}
{{- with $history.dir }}
{{- range $key, $want := dict "spark.eventLog.enabled" "true" "spark.eventLog.dir" . }}
{{- if and (hasKey $.Values.controller.defaultSparkConf $key) (ne (get $.Values.controller.defaultSparkConf $key | toString) $want) }}
{{- fail (printf "controller.defaultSparkConf: %s contradicts controller.history.dir, which is %s; remove one of both" $key $history.dir) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.historyServer }}
{{- if .enable }}
{{- if $history.createClaim }}
{{- if or (include "spark-operator.clusterWide" $) (ne (join "," (include "spark-operator.jobNamespaces" $ | fromJson).list) $history.namespace) }}
{{- fail (printf "historyServer.enable: a driver can mount only a claim of its own namespace, and the chart would create one in %s; set controller.history.dir to a bucket, such as s3a://bucket/spark-events, controller.history.claimName to a claim that exists in each namespace, or spark.jobNamespaces to that namespace alone" $history.namespace) }}
{{- end }}
{{- end }}
{{- if and .ingress.enable (not .ingress.host) }}
{{- fail "historyServer.ingress.enable requires historyServer.ingress.host" }}
{{- end }}
{{- if and .route.enable (not (and .route.host .route.gateways)) }}
{{- fail "historyServer.route.enable requires historyServer.route.host and historyServer.route.gateways" }}
{{- end }}
{{- if and .route.enable .ingress.enable }}
{{- fail "historyServer.route.enable and historyServer.ingress.enable: the history server has one URL; enable only one of them" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The flags of the controller, as a YAML list.
*/}}
{{- define "spark-operator.history.args" }}
{{- with include "spark-operator.history" . | fromJson }}
{{- with .dir }}
- {{ printf "--history-dir=%s" . | replace "$(" "$$(" | quote }}
{{- end }}
{{- with .claimName }}
- --history-claim={{ . }}
{{- end }}
{{- with .urlTemplate }}
- {{ printf "--history-url-template=%s" . | replace "$(" "$$(" | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "spark-operator.historyServer.name" -}}
{{ include "spark-operator.fullname" . | trunc 55 | trimSuffix "-" }}-history
{{- end }}

{{- define "spark-operator.historyServer.selectorLabels" -}}
{{ include "spark-operator.selectorLabels" . }}
app.kubernetes.io/component: history
{{- end }}

{{- define "spark-operator.historyServer.labels" -}}
{{ include "spark-operator.componentLabels" (dict "context" . "component" "history") }}
{{- end }}

{{- define "spark-operator.historyServer.podLabels" -}}
{{ merge (include "spark-operator.historyServer.selectorLabels" . | fromYaml) (.Values.historyServer.labels | default dict) (.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{- define "spark-operator.historyServer.serviceAccountName" -}}
{{- if .Values.historyServer.serviceAccount.create }}
{{- .Values.historyServer.serviceAccount.name | default (include "spark-operator.historyServer.name" .) }}
{{- else }}
{{- .Values.historyServer.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/*
The properties of the server, in the format of spark-defaults.conf. Those of historyServer.sparkConf win.
*/}}
{{- define "spark-operator.historyServer.properties" -}}
{{- $history := include "spark-operator.history" . | fromJson }}
{{- with .Values.historyServer }}
{{- $properties := dict "spark.history.fs.logDirectory" $history.dir "spark.history.ui.port" "18080" "spark.history.fs.update.interval" .updateInterval }}
{{- $_ := set $properties "spark.history.fs.cleaner.enabled" (toString .cleaner.enable) }}
{{- if .cleaner.enable }}
{{- $_ := set $properties "spark.history.fs.cleaner.interval" .cleaner.interval }}
{{- $_ := set $properties "spark.history.fs.cleaner.maxAge" .cleaner.maxAge }}
{{- end }}
{{- range $key, $value := merge (deepCopy .sparkConf) $properties }}
{{ $key }}={{ kindIs "string" $value | ternary $value (toJson $value) | replace "\\" "\\\\" | replace "\n" "\\n" }}
{{- end }}
{{- end }}
{{- end }}
