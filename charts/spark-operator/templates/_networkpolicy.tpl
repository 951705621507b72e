{{/*
The NetworkPolicy of a component. Arguments: context; component; values, those of the component; ingress, further rules as a YAML
list.
*/}}
{{- define "spark-operator.networkPolicy" -}}
{{- $context := .context }}
{{- $egress := .values.networkPolicy.egress -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include (printf "spark-operator.%s.name" .component) $context }}
  namespace: {{ $context.Release.Namespace }}
  labels:
    {{- include (printf "spark-operator.%s.labels" .component) $context | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include (printf "spark-operator.%s.selectorLabels" .component) $context | nindent 6 }}
  policyTypes: [Ingress{{ if $egress.enable }}, Egress{{ end }}]
  ingress:
  # Probes of the kubelet, which is not a pod.
  - ports:
    - port: health
  {{- if $context.Values.prometheus.metrics.enable }}
  - ports:
    - port: {{ $context.Values.prometheus.metrics.portName }}
    {{- with .values.networkPolicy.metricsFrom }}
    from:
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- .ingress | nindent 2 }}
  {{- if $egress.enable }}
  egress:
  # DNS.
  - ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  # The API server.
  - ports:
    {{- range $egress.apiServerPorts }}
    - port: {{ int64 . }}
    {{- end }}
    {{- with $egress.apiServer }}
    to:
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with and (eq .component "controller") .values.tracing.endpoint }}
  {{- $url := urlParse . }}
  # The OpenTelemetry collector.
  - ports:
    - port: {{ regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") }}
  {{- end }}
  {{- if eq .component "controller" }}
  # The web UIs of drivers, which show their progress, and of Spark Connect servers, which show whether they are idle. Their
  # ports are those of spark.ui.port.
  - to:
    - namespaceSelector: {}
      podSelector:
        matchLabels:
          spark-role: driver
    {{- if .values.sparkConnect.enable }}
    - namespaceSelector: {}
      podSelector:
        matchLabels:
          spark-role: connect-server
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}
