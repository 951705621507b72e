{{/*
The alerts, as a YAML list. The names of metrics are those without a prefix. docs/monitoring.md has a runbook for each.

A counter whose labels are new appears with its first value, which increase() does not see: "unless … offset" does.
*/}}
{{- define "spark-operator.alerts" -}}
{{- $here := printf "namespace=%q" .Release.Namespace }}
{{- $failed := printf "spark_application_failed_submission_count{%s}" $here }}
{{- $submitted := printf "spark_application_submit_count{%s}" $here }}
{{- $missed := printf "scheduled_spark_application_missed_run_count{%s,reason=\"late\"}" $here }}
{{- with .Values.prometheus.prometheusRule }}
- alert: SparkOperatorDown
  {{- if or $.Values.controller.leaderElection.enable (gt (int $.Values.controller.replicas) 1) }}
  expr: absent(leader_election_master_status{name={{ include "spark-operator.controller.leaseName" $ | quote }},{{ $here }}} == 1)
  {{- else }}
  expr: absent(workqueue_depth{name="sparkapplication",{{ $here }}})
  {{- end }}
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: No Spark operator works in namespace {{ $.Release.Namespace }}.
    description: Prometheus has seen no leading controller for 5 minutes. Running jobs continue; nothing is submitted or retried.
- alert: SparkOperatorSyncHangs
  expr: max by (name, pod) (workqueue_longest_running_processor_seconds{name=~"(scheduled)?sparkapplication",{{ $here }}}) > 300
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: A sync of the Spark operator hangs.
    description: {{ `The controller {{ $labels.name }} in pod {{ $labels.pod }} has worked on one object for {{ $value | humanizeDuration }}.` | quote }}
- alert: SparkOperatorPanics
  expr: >-
    sum by (controller) (increase(spark_operator_panics_total{ {{- $here -}} }[15m])) > 0
  labels: {severity: warning}
  annotations:
    summary: Syncs of the Spark operator panic.
    description: {{ `The controller {{ $labels.controller }} panicked in the last 15 minutes. This is a bug of the operator; other objects are not affected.` | quote }}
- alert: SparkOperatorCRDsOutdated
  expr: max(spark_operator_crd_missing_status_fields{ {{- $here -}} }) > 0
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: The CRDs of the Spark operator are too old.
    description: {{ `The installed CRDs lack {{ $value }} status fields, so some features do not work.` | quote }}
- alert: SparkApplicationsStalled
  expr: sum by (reason) (spark_application_stalled{ {{- $here -}} ,reason!="Stuck"}) > 0
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: {{ `Spark applications are stalled: {{ $labels.reason }}.` | quote }}
    description: {{ `{{ $value }} applications make no progress, and the operator cannot fix the cause.` | quote }}
- alert: SparkApplicationsStuck
  expr: sum(spark_application_stalled{ {{- $here -}} ,reason="Stuck"}) > 0
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: Spark applications are stuck.
    description: {{ `{{ $value }} applications have exceeded the time limit of their state, and the operator does not know why.` | quote }}
- alert: SparkApplicationSubmissionsFail
  expr: |-
    sum(increase({{ $failed }}[15m]) > 0 or ({{ $failed }} unless {{ $failed }} offset 15m))
      > 0.1 * (
        sum(increase({{ $failed }}[15m]) > 0 or ({{ $failed }} unless {{ $failed }} offset 15m))
        + (sum(increase({{ $submitted }}[15m]) > 0 or ({{ $submitted }} unless {{ $submitted }} offset 15m)) or vector(0)))
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: Submissions of Spark applications fail.
    description: {{ `{{ $value | humanize }} submissions, more than 10 % of those of the last 15 minutes, were refused.` | quote }}
- alert: SparkApplicationsWaitTooLong
  expr: max(spark_application_oldest_pending_seconds{ {{- $here -}} }) > {{ int64 .queueAgeSeconds }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: A Spark application waits too long for its submission or its start.
    description: {{ `The oldest application that waits has waited for {{ $value | humanizeDuration }}.` | quote }}
- alert: ScheduledSparkApplicationRunsMissed
  expr: |-
    sum by (exported_namespace) (
      increase({{ $missed }}[1h]) > 0 or ({{ $missed }} unless {{ $missed }} offset 1h)
    ) > 0
  labels: {severity: warning}
  annotations:
    summary: {{ `Schedules in namespace {{ $labels.exported_namespace }} missed runs.` | quote }}
    description: {{ `About {{ $value | humanize }} scheduled times of the last hour passed without a run.` | quote }}
- alert: SparkOperatorCertificateExpires
  webhook: true # only with webhook.enable
  expr: |-
    min(spark_operator_webhook_certificate_expiry_timestamp_seconds{ {{- $here -}} }) - time() < {{ int64 .certificateExpiryDays }} * 86400
  for: 1h
  labels: {severity: critical}
  annotations:
    summary: The certificate of the webhook of the Spark operator expires soon.
    description: {{ `The certificate expires in {{ $value | humanizeDuration }}, and was not renewed. Then the API server can no longer call the webhook.` | quote }}
- alert: SparkLogArchiverDown
  logArchive: true # only with logArchive.enable
  expr: absent(spark_log_archiver_copies_total{ {{- $here -}} })
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: The log archiver of the Spark operator does not work.
    description: Prometheus has not seen the log archiver for 5 minutes. Logs that are not copied within the deadline are lost.
- alert: SparkLogCopiesFail
  logArchive: true
  expr: |-
    sum(increase(spark_log_archiver_copies_total{ {{- $here -}} ,result="failed"}[5m])) > 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: Logs of Spark applications cannot be copied to the bucket.
    description: {{ `{{ $value | humanize }} tries to copy a log failed in the last 5 minutes. Logs that are not copied within the deadline are lost.` | quote }}
{{- end }}
{{- end }}
