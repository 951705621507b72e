{{/*
Parts of the admission policies.
*/}}

{{- define "spark-operator.admission.metadata" }}
  name: {{ include "spark-operator.fullname" .context }}-{{ .name }}
  labels:
    {{- include "spark-operator.componentLabels" (dict "context" .context "component" "admission") | nindent 4 }}
{{- end }}

{{/*
The version in which the API server serves MutatingAdmissionPolicies. ValidatingAdmissionPolicies are v1 in all Kubernetes versions that
the chart supports.
*/}}
{{- define "spark-operator.admission.mutatingVersion" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1beta1
{{- else -}}
{{- fail "admissionPolicies.enable: the API server serves no MutatingAdmissionPolicies, which Kubernetes 1.36 and newer do; set admissionPolicies.defaults=false to install only the refusals (helm template: --api-versions admissionregistration.k8s.io/v1/MutatingAdmissionPolicy)" }}
{{- end -}}
{{- end }}

{{/*
Bindings for the namespaces whose applications the operator runs: the listed ones, and those that a label selects. A selector of a
binding cannot combine both with "or". Arguments: context, kind, version, policy, spec.
*/}}
{{- define "spark-operator.admission.bindings" }}
{{- $listed := (include "spark-operator.jobNamespaces" .context | fromJson).list }}
{{- $selector := .context.Values.spark.jobNamespaceSelector }}
{{- $never := list "kube-system" }}
{{- if not (has .context.Release.Namespace $listed) }}
{{- $never = append $never .context.Release.Namespace }}
{{- end }}
{{- if or $listed (not $selector) }}
{{- $expressions := list (dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" $never) }}
{{- if $listed }}
{{- $expressions = append $expressions (dict "key" "kubernetes.io/metadata.name" "operator" "In" "values" $listed) }}
{{- end }}
{{- include "spark-operator.admission.binding" (dict "binding" . "name" .policy "expressions" $expressions) }}
{{- end }}
{{- if $selector }}
{{- $expressions := list (dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" (concat $never $listed | uniq)) }}
{{- $expressions = concat $expressions (include "spark-operator.admission.requirements" $selector | fromJsonArray) }}
{{- include "spark-operator.admission.binding" (dict "binding" . "name" (printf "%s-selected" .policy) "expressions" $expressions) }}
{{- end }}
{{- end }}

{{- define "spark-operator.admission.binding" }}
---
apiVersion: {{ .binding.version }}
kind: {{ .binding.kind }}Binding
metadata:
  {{- include "spark-operator.admission.metadata" (dict "context" .binding.context "name" .name) }}
spec:
  policyName: {{ include "spark-operator.fullname" .binding.context }}-{{ .binding.policy }}
  matchResources:
    namespaceSelector:
      matchExpressions:
      {{- toYaml .expressions | nindent 6 }}
    {{- with .binding.context.Values.spark.applicationSelector }}
    objectSelector:
      matchExpressions:
      {{- include "spark-operator.admission.requirements" . | fromJsonArray | toYaml | nindent 6 }}
    {{- end }}
  {{- with .binding.spec }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
The condition that an object is one of this operator (spark.applicationSelector). The objectSelector of a binding also selects an object
by the labels that it had before an update.
*/}}
{{- define "spark-operator.admission.selected" }}
{{- with .Values.spark.applicationSelector }}
  - name: selected
    expression: >-
      {{- range $i, $requirement := include "spark-operator.admission.requirements" . | fromJsonArray }}
      {{ if $i }}&& {{ end }}
      {{- if has .operator (list "NotIn" "DoesNotExist") }}!{{ end -}}
      object.metadata.?labels[?{{ toJson .key }}]
      {{- if .values }}.optMap(value, value in {{ toJson .values }}).orValue(false){{ else }}.hasValue(){{ end }}
      {{- end }}
{{- end }}
{{- end }}

{{/*
The requirements of a label selector as it is written on a command line, as a JSON list of match expressions. They have no operators for
numbers.
*/}}
{{- define "spark-operator.admission.requirements" -}}
{{- $requirements := list }}
{{- range regexFindAll "[^,()]+(\\([^()]*\\))?" . -1 }}
{{- $text := trim . }}
{{- if regexMatch "[<>]" $text }}
{{- fail (printf "label selector %q: webhooks and admission policies cannot compare numbers; use another requirement, such as \"key in (a,b)\"" $text) }}
{{- end }}
{{- $set := regexFindAll "^\\S+\\s+(in|notin)\\s*\\(.*\\)$" $text -1 }}
{{- if $set }}
{{- $values := list }}
{{- range splitList "," (regexReplaceAll "^.*\\((.*)\\)$" $text "${1}") }}
{{- $values = append $values (trim .) }}
{{- end }}
{{- $operator := regexMatch "^\\S+\\s+in" $text | ternary "In" "NotIn" }}
{{- $requirements = append $requirements (dict "key" (regexFind "^\\S+" $text) "operator" $operator "values" $values) }}
{{- else if contains "!=" $text }}
{{- $parts := splitn "!=" 2 $text }}
{{- $requirements = append $requirements (dict "key" (trim $parts._0) "operator" "NotIn" "values" (list (trim $parts._1))) }}
{{- else if contains "=" $text }}
{{- $parts := splitn "=" 2 $text }}
{{- $requirements = append $requirements (dict "key" (trim $parts._0) "operator" "In" "values" (list (trimPrefix "=" $parts._1 | trim))) }}
{{- else if hasPrefix "!" $text }}
{{- $requirements = append $requirements (dict "key" (trimPrefix "!" $text | trim) "operator" "DoesNotExist") }}
{{- else }}
{{- $requirements = append $requirements (dict "key" $text "operator" "Exists") }}
{{- end }}
{{- end }}
{{- toJson $requirements }}
{{- end }}

{{/*
The Spark properties of all applications (controller.defaultSparkConf) as a JSON object of strings, which is also a map in CEL.
*/}}
{{- define "spark-operator.admission.properties" -}}
{{- $properties := dict }}
{{- range $key, $value := .Values.controller.defaultSparkConf }}
{{- $_ := set $properties $key (kindIs "string" $value | ternary $value (toJson $value)) }}
{{- end }}
{{- toPrettyJson $properties }}
{{- end }}
