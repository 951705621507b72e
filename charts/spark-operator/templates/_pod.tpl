{{/*
The pod of the controller and of the webhook. Arguments: context; component; values, those of the component;
serviceAccountName; args and ports, as YAML lists.
*/}}
{{- define "spark-operator.pod" -}}
{{- $context := .context }}
{{- $selectorLabels := include (printf "spark-operator.%s.selectorLabels" .component) $context | fromYaml }}
{{- with .values -}}
serviceAccountName: {{ $.serviceAccountName }}
automountServiceAccountToken: {{ .serviceAccount.automountServiceAccountToken }}
enableServiceLinks: false
{{- with $context.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if kindIs "bool" .hostUsers }}
hostUsers: {{ .hostUsers }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- $selector := dict "labelSelector" (dict "matchLabels" $selectorLabels) }}
  {{- range .topologySpreadConstraints }}
  - {{ merge (deepCopy .) $selector | toYaml | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- with .dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (.volumes | default list) (include "spark-operator.metrics.volumes" $context | fromYamlArray) }}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
- name: spark-operator-{{ $.component }}
  image: {{ include "spark-operator.image" $context | quote }}
  imagePullPolicy: {{ $context.Values.image.pullPolicy }}
  terminationMessagePolicy: FallbackToLogsOnError
  args:
  {{- $.args | nindent 2 }}
  ports:
  {{- $.ports | trim | nindent 2 }}
  startupProbe:
    httpGet:
      path: /healthz
      port: health
    timeoutSeconds: 5
    periodSeconds: 2
    failureThreshold: 60
  livenessProbe:
    httpGet:
      path: /healthz
      port: health
    timeoutSeconds: 5
  readinessProbe:
    httpGet:
      path: /readyz
      port: health
    timeoutSeconds: 5
  {{- with .env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .envFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with concat (.volumeMounts | default list) (include "spark-operator.metrics.volumeMounts" $context | fromYamlArray) }}
  volumeMounts:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- /* Without a request, the pod gets nearly no processor beside pods that have one: it loses its Lease. */}}
  resources:
    {{- .resources | default (dict "requests" (dict "cpu" "100m" "memory" "64Mi")) | toYaml | nindent 4 }}
  {{- with .securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- with .sidecars }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}
{{- end }}
