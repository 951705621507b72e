{{/*
What the controller does with the objects of a job namespace. pkg/permissions has the same list by flags; test/chart compares them.
*/}}
{{- define "spark-operator.controller.jobRules" }}
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkapplications]
  verbs: [get, list, watch, create, delete]
- apiGroups: [sparkoperator.k8s.io]
  resources: [scheduledsparkapplications]
  verbs: [get, list, watch]
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkapplications/status, scheduledsparkapplications/status]
  verbs: [update]
# Owner references with blockOwnerDeletion, where the admission plugin OwnerReferencesPermissionEnforcement is on.
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkapplications/finalizers, scheduledsparkapplications/finalizers]
  verbs: [update]
# Driver and executor pods. The operator patches the owner reference of drivers that spark-submit created.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete]
# The Service of the driver and the Service of its web UI.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, create, update, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, update]
# The Job with spark-submit, for applications that request it.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, create, delete]
# The log tail of failed drivers and of spark-submit.
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# Claims that the properties of an application request; they outlive its runs.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create]
# Spark 4.2 and newer allow only the pods of an application to connect to its executors.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, create, update, delete]
{{- if or (and .Values.controller.uiRoute.enable .Values.controller.uiRoute.urlFormat) .Values.controller.sparkConnect.enable }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, create, update, delete]
{{- end }}
{{- if .Values.controller.sparkConnect.enable }}
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkconnects]
  verbs: [get, list, watch, delete]
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkconnects/status]
  verbs: [update]
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkconnects/finalizers]
  verbs: [update]
# The GRPCRoute of spec.route of SparkConnects; the HTTPRoute above is for their web UI.
- apiGroups: [gateway.networking.k8s.io]
  resources: [grpcroutes]
  verbs: [get, create, update, delete]
{{- if .Values.controller.sparkConnect.authentication.enable }}
# The tokens that spec.authentication of SparkConnects names or requests: read by name, never listed, updated or deleted.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]
{{- end }}
{{- end }}
# The events of a driver that does not start: only they show missing volumes.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.controller.driverPodDisruptionBudget.enable }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, create, delete]
{{- end }}
{{- if .Values.controller.batchScheduler.enable }}
- apiGroups: [scheduling.volcano.sh, scheduling.x-k8s.io]
  resources: [podgroups]
  verbs: [get, create, patch, delete]
{{- end }}
{{- end }}

{{/*
What the controller's process needs in its own namespace.
*/}}
{{- define "spark-operator.controller.processRules" }}
{{- if include "spark-operator.controller.elects" . }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "spark-operator.controller.leaseName" . }}]
  verbs: [get, update]
{{- end }}
{{- end }}

{{- define "spark-operator.controller.rbacMetadata" -}}
labels:
  {{- include "spark-operator.controller.labels" . | nindent 2 }}
{{- with .Values.controller.rbac.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "spark-operator.controller.rbacBinding" }}
subjects:
- kind: ServiceAccount
  name: {{ include "spark-operator.controller.serviceAccountName" .context }}
  namespace: {{ .context.Release.Namespace }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ include "spark-operator.controller.name" .context }}
{{- end }}
