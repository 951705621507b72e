{{/*
The command line of the controller, as a YAML list.
*/}}
{{- define "spark-operator.controller.args" -}}
{{- with .Values.controller -}}
- controller
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
{{- if .dryRun }}
- --dry-run
{{- end }}
- --controller-threads={{ int64 .workers }}
- --kube-api-qps={{ .kubeAPIQPS }}
- --kube-api-burst={{ int64 .kubeAPIBurst }}
- --driver-pod-creation-grace-period={{ .driverPodCreationGracePeriod }}
{{- if ne .driverCannotStartTimeout "0s" }}
- --driver-cannot-start-timeout={{ .driverCannotStartTimeout }}
{{- end }}
{{- if ne .nodeLossGracePeriod "5m" }}
- --node-loss-grace-period={{ .nodeLossGracePeriod }}
{{- end }}
- --max-tracked-executor-per-app={{ int64 .maxTrackedExecutorPerApp }}
{{- with .driverLogTail }}
{{- if ne (int64 .lines) 20 }}
- --log-tail-lines={{ int64 .lines }}
{{- end }}
{{- with .redact }}
- {{ printf "--log-tail-redact=%s" . | quote }}
{{- end }}
{{- end }}
{{- with $.Values.logArchive }}
{{- if .enable }}
- --enable-log-archive=true
- --archive-logs={{ .default }}
- --log-archive-deadline={{ .deadline }}
{{- end }}
{{- end }}
- --scheduled-spark-application-timestamp-precision={{ .scheduledSparkApplicationTimestampPrecision }}
{{- if gt (int64 .defaultTimeToLiveSeconds) 0 }}
- --default-time-to-live-seconds={{ int64 .defaultTimeToLiveSeconds }}
{{- end }}
{{- include "spark-operator.defaultArgs" $ }}
{{- include "spark-operator.gateArgs" $ }}
{{- if ne .submitter "native" }}
- --submitter={{ .submitter }}
{{- end }}
{{- if ne .submitterDeadline "10m" }}
- --submitter-deadline={{ .submitterDeadline }}
{{- end }}
{{- if .enableServiceLinks }}
- --enable-service-links
{{- end }}
{{- if $.Values.webhook.enable }}
- --pod-webhook
{{- end }}
- --enable-ui-service={{ .uiService.enable }}
{{- with .uiIngress }}
{{- if and .enable .urlFormat }}
- {{ printf "--ingress-url-format=%s" .urlFormat | quote }}
{{- with .ingressClassName }}
- --ingress-class-name={{ . }}
{{- end }}
{{- with .tls }}
- {{ printf "--ingress-tls=%s" (toJson .) | quote }}
{{- end }}
{{- with .annotations }}
- {{ printf "--ingress-annotations=%s" (toJson .) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .uiRoute }}
{{- if and .enable .urlFormat }}
- {{ printf "--ui-route-url-format=%s" .urlFormat | quote }}
{{- with .gateways }}
- --ui-route-gateways={{ join "," . }}
{{- end }}
{{- with .annotations }}
- {{ printf "--ui-route-annotations=%s" (toJson .) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .batchScheduler }}
{{- if .enable }}
- --enable-batch-scheduler=true
{{- with .kubeSchedulerNames }}
- --kube-scheduler-names={{ join "," . }}
{{- end }}
{{- with .default }}
- --default-batch-scheduler={{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- if .driverPodDisruptionBudget.enable }}
- --enable-driver-pdb=true
{{- end }}
{{- if not .sparkConnect.enable }}
- --enable-connect=false
{{- else if not .sparkConnect.authentication.enable }}
- --enable-connect-authentication=false
{{- end }}
{{- include "spark-operator.history.args" $ }}
- --health-probe-bind-address=:8081
{{- with $.Values.prometheus.metrics }}
{{- if .enable }}
- --enable-metrics=true
- --metrics-bind-address=:{{ int64 .port }}
- --metrics-endpoint={{ .endpoint }}
{{- include "spark-operator.metrics.secureArgs" $ }}
- --metrics-prefix={{ .prefix }}
- --metrics-labels={{ .labels | default "app_type" }}
{{- with .usageTeamLabel }}
- --metrics-usage-team-label={{ . }}
{{- end }}
{{- with .jobStartLatencyBuckets }}
- --metrics-job-start-latency-buckets={{ . }}
{{- end }}
{{- with .jobSubmitLatencyBuckets }}
- --metrics-job-submit-latency-buckets={{ . }}
{{- end }}
{{- else }}
- --enable-metrics=false
{{- end }}
{{- end }}
{{- with .leaderElection }}
{{- if include "spark-operator.controller.elects" $ }}
- --leader-election=true
- --leader-election-lock-name={{ include "spark-operator.controller.leaseName" $ }}
- --leader-election-lock-namespace={{ $.Release.Namespace }}
- --leader-election-lease-duration={{ .leaseDuration }}
- --leader-election-renew-deadline={{ .renewDeadline }}
- --leader-election-retry-period={{ .retryPeriod }}
{{- else }}
- --leader-election=false
{{- end }}
{{- end }}
{{- with .pprof }}
{{- if .enable }}
- --pprof-bind-address=:{{ int64 .port }}
{{- end }}
{{- end }}
{{- with .tracing.endpoint }}
- --otlp-traces-endpoint={{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The ports of the controller, as a YAML list.
*/}}
{{- define "spark-operator.controller.ports" }}
- name: health
  containerPort: 8081
{{- with .Values.prometheus.metrics }}
{{- if .enable }}
- name: {{ .portName }}
  containerPort: {{ int64 .port }}
{{- end }}
{{- end }}
{{- with .Values.controller.pprof }}
{{- if .enable }}
- name: {{ .portName }}
  containerPort: {{ int64 .port }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Defaults of all applications, for controller and webhook, as a YAML list.
*/}}
{{- define "spark-operator.defaultArgs" }}
{{- with .Values.controller }}
{{- range $key, $value := .defaultSparkConf }}
- {{ printf "--default-spark-conf=%s=%s" $key (kindIs "string" $value | ternary $value (toJson $value)) | replace "$(" "$$(" | quote }}
{{- end }}
{{- with .defaultServiceAccount }}
- --default-service-account={{ . }}
{{- end }}
{{- range $key, $value := .defaultPodLabels }}
- {{ printf "--default-pod-label=%s=%s" $key $value | quote }}
{{- end }}
{{- range $key, $value := .defaultPodAnnotations }}
- {{ printf "--default-pod-annotation=%s=%s" $key $value | replace "$(" "$$(" | quote }}
{{- end }}
{{- with .defaultImagePullSecrets }}
- --default-image-pull-secrets={{ join "," . }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Feature gates, for controller and webhook, as a YAML list.
*/}}
{{- define "spark-operator.gateArgs" }}
{{- $gates := list }}
{{- range .Values.controller.featureGates }}
{{- $gates = append $gates (printf "%s=%t" .name .enabled) }}
{{- end }}
{{- with $gates }}
- --feature-gates={{ join "," . }}
{{- end }}
{{- end }}

{{/*
"true" if the feature gate PartialRestart is enabled, and empty otherwise. Of entries with the same name, the last one counts.
*/}}
{{- define "spark-operator.partialRestart" -}}
{{- $enabled := false }}
{{- range .Values.controller.featureGates }}
{{- if eq .name "PartialRestart" }}
{{- $enabled = .enabled }}
{{- end }}
{{- end }}
{{- if $enabled }}true{{ end }}
{{- end }}
