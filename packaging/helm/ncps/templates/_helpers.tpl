{{- define "ncps.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ncps.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "ncps.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "ncps.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "ncps.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ncps.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ncps.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "ncps.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "ncps.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "ncps.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "ncps.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- /* Whether more than one instance may run at once. */ -}}
{{- define "ncps.several" -}}
{{- if or (gt (int .Values.replicaCount) 1) .Values.autoscaling.enabled }}yes{{ end }}
{{- end }}

{{- /* Whether two may run side by side, if only while one takes over from the other. */ -}}
{{- define "ncps.shareable" -}}
{{- $modes := .Values.config.storage.local.persistence.accessModes -}}
{{- if and (ne .Values.config.database.type "sqlite") (or (eq .Values.config.storage.type "s3") (has "ReadWriteMany" $modes)) }}yes{{ end }}
{{- end }}

{{- /* The claim of the store: one for all, or one for each pod of a stateful set. */ -}}
{{- define "ncps.needsVolume" -}}
{{- if or (eq .Values.config.storage.type "local") (eq .Values.config.database.type "sqlite") }}yes{{ end }}
{{- end }}

{{- define "ncps.claimName" -}}
{{- default (include "ncps.fullname" .) .Values.config.storage.local.persistence.existingClaim }}
{{- end }}

{{- define "ncps.validate" -}}
{{- $c := .Values.config -}}
{{- $_ := required "config.hostname is missing: the name of this cache, such as cache.example.org" $c.hostname -}}
{{- if not (has .Values.mode (list "statefulset" "deployment")) }}{{ fail "mode must be statefulset or deployment" }}{{ end -}}
{{- if not (has $c.storage.type (list "local" "s3")) }}{{ fail "config.storage.type must be local or s3" }}{{ end -}}
{{- if not (has $c.database.type (list "sqlite" "postgresql" "mysql")) }}{{ fail "config.database.type must be sqlite, postgresql or mysql" }}{{ end -}}
{{- if not $c.upstream.caches }}{{ fail "config.upstream.caches is empty: name a cache to ask" }}{{ end -}}
{{- if eq $c.storage.type "s3" }}
{{- $_ := required "config.storage.s3.bucket is missing" $c.storage.s3.bucket -}}
{{- $_ := required "config.storage.s3.endpoint is missing" $c.storage.s3.endpoint -}}
{{- end }}
{{- if and $c.redis.enabled (not $c.redis.addresses) }}{{ fail "config.redis.addresses is empty" }}{{ end -}}
{{- if include "ncps.several" . }}
{{- if not $c.redis.enabled }}{{ fail "more than one replica needs Redis: config.redis.enabled" }}{{ end -}}
{{- if eq $c.database.type "sqlite" }}{{ fail "more than one replica needs a database server: config.database.type" }}{{ end -}}
{{- if not (include "ncps.shareable" .) }}{{ fail "more than one replica needs a store that all of them reach: S3, or accessModes: [ReadWriteMany]" }}{{ end -}}
{{- end }}
{{- if and .Values.serviceMonitor.enabled (not $c.observability.prometheus.enabled) }}{{ fail "serviceMonitor needs config.observability.prometheus.enabled" }}{{ end -}}
{{- end }}

{{- define "ncps.databaseUrl" -}}
{{- $c := .Values.config.database -}}
{{- if eq $c.type "sqlite" -}}
sqlite:{{ $c.sqlite.path }}
{{- else -}}
{{- $db := get $c $c.type -}}
{{- $parameters := list -}}
{{- if and (eq $c.type "postgresql") $db.sslMode }}{{ $parameters = append $parameters (printf "sslmode=%s" $db.sslMode) }}{{ end -}}
{{- with $db.extraParams }}{{ $parameters = append $parameters . }}{{ end -}}
{{ $c.type }}://{{ $db.username }}:$(DATABASE_PASSWORD)@{{ required (printf "config.database.%s.host is missing" $c.type) $db.host }}:{{ int $db.port }}/{{ $db.database }}{{ with $parameters }}?{{ join "&" . }}{{ end }}
{{- end }}
{{- end }}

{{- /* An environment variable from a secret: (dict "name" "secret" "key" "optional"). */ -}}
{{- define "ncps.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}

{{- define "ncps.env" -}}
{{- $c := .Values.config -}}
{{- $own := include "ncps.fullname" . -}}
{{- $db := ternary dict (get $c.database $c.database.type) (eq $c.database.type "sqlite") -}}
{{- if $db.existingSecretHasUrl }}
{{ include "ncps.fromSecret" (dict "name" "CACHE_DATABASE_URL" "secret" $db.existingSecret "key" "url") }}
{{- else }}
{{- if ne $c.database.type "sqlite" }}
{{ include "ncps.fromSecret" (dict "name" "DATABASE_PASSWORD" "secret" (default $own $db.existingSecret) "key" (ternary "password" "database-password" (not (empty $db.existingSecret)))) }}
{{- end }}
- name: CACHE_DATABASE_URL
  value: {{ include "ncps.databaseUrl" . | quote }}
{{- end }}
{{- if eq $c.storage.type "s3" }}
{{- if or $c.storage.s3.existingSecret $c.storage.s3.accessKeyId }}
{{ include "ncps.fromSecret" (dict "name" "CACHE_STORAGE_S3_ACCESS_KEY_ID" "secret" (default $own $c.storage.s3.existingSecret) "key" "access-key-id") }}
{{ include "ncps.fromSecret" (dict "name" "CACHE_STORAGE_S3_SECRET_ACCESS_KEY" "secret" (default $own $c.storage.s3.existingSecret) "key" "secret-access-key") }}
{{- end }}
{{- end }}
{{- if and $c.redis.enabled (or $c.redis.existingSecret $c.redis.password) }}
{{ include "ncps.fromSecret" (dict "name" "CACHE_REDIS_PASSWORD" "secret" (default $own $c.redis.existingSecret) "key" (ternary "password" "redis-password" (not (empty $c.redis.existingSecret)))) }}
{{- end }}
{{- if $c.redis.enabled }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: CACHE_ADVERTISE_URL
  value: {{ $c.advertiseURL | quote }}
{{- end }}
{{- $tokens := $c.permissions }}
{{- range $name, $given := dict "get" $tokens.getToken "put" $tokens.putToken "delete" $tokens.deleteToken "admin" $tokens.adminToken }}
{{- if $tokens.existingSecret }}
{{ include "ncps.fromSecret" (dict "name" (printf "CACHE_%s_TOKEN" (upper $name)) "secret" $tokens.existingSecret "key" (printf "%s-token" $name) "optional" true) }}
{{- else if $given }}
{{ include "ncps.fromSecret" (dict "name" (printf "CACHE_%s_TOKEN" (upper $name)) "secret" $own "key" (printf "%s-token" $name)) }}
{{- end }}
{{- end }}
{{- with .Values.extraEnvVars }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ncps.container" -}}
image: {{ include "ncps.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
envFrom:
  - configMapRef:
      name: {{ include "ncps.fullname" . }}
env: {{- include "ncps.env" . | trim | nindent 2 }}
volumeMounts:
  - name: temp
    mountPath: {{ .Values.config.cache.tempPath }}
  {{- if include "ncps.needsVolume" . }}
  - name: storage
    mountPath: {{ .Values.config.storage.local.path }}
  {{- end }}
  {{- if include "ncps.signingSecret" . }}
  - name: signing-key
    mountPath: /run/secrets/ncps/signing
    readOnly: true
  {{- end }}
  {{- if .Values.config.upstream.existingNetrcSecret }}
  - name: netrc
    mountPath: /run/secrets/ncps/netrc
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "ncps.signingSecret" -}}
{{- with .Values.config.signing }}{{ if .existingSecret }}{{ .existingSecret }}{{ else if .secretKey }}{{ include "ncps.fullname" $ }}{{ end }}{{ end }}
{{- end }}

{{- define "ncps.podSpec" -}}
serviceAccountName: {{ include "ncps.serviceAccountName" . }}
automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: temp
    {{- with .Values.config.cache.tempVolume }}
    {{- if .existingClaim }}
    persistentVolumeClaim:
      claimName: {{ .existingClaim }}
    {{- else }}
    emptyDir: {{- toYaml (default dict .emptyDir) | nindent 6 }}
    {{- end }}
    {{- end }}
  {{- if and (include "ncps.needsVolume" .) (not (include "ncps.ownClaims" .)) }}
  - name: storage
    {{- if .Values.config.storage.local.persistence.enabled }}
    persistentVolumeClaim:
      claimName: {{ include "ncps.claimName" . }}
    {{- else }}
    emptyDir: {}
    {{- end }}
  {{- end }}
  {{- with include "ncps.signingSecret" . }}
  - name: signing-key
    secret:
      secretName: {{ . }}
      defaultMode: 0440
      items: [{key: secret-key, path: secret-key}]
  {{- end }}
  {{- with .Values.config.upstream.existingNetrcSecret }}
  - name: netrc
    secret:
      secretName: {{ . }}
      defaultMode: 0440
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* A stateful set of one makes its own claim. */ -}}
{{- define "ncps.ownClaims" -}}
{{- $p := .Values.config.storage.local.persistence -}}
{{- if and (eq .Values.mode "statefulset") $p.enabled (not $p.existingClaim) (not (include "ncps.several" .)) (include "ncps.needsVolume" .) }}yes{{ end }}
{{- end }}

{{- define "ncps.claimSpec" -}}
{{- $p := .Values.config.storage.local.persistence -}}
accessModes: {{- toYaml $p.accessModes | nindent 2 }}
{{- with $p.storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ $p.size }}
{{- end }}
