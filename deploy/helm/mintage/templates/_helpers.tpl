{{- define "mintage.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "mintage.selector" -}}
app.kubernetes.io/name: mintage
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mintage.labels" -}}
{{ include "mintage.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "mintage.server" -}}
listen: 0.0.0.0:9400
data: /data
master_key_file: /data/master.key
store: postgres
drain_timeout: {{ .Values.drainTimeout }}
database:
  url_file: /run/mintage/database/url
  max_connections: {{ .Values.database.maxConnections }}
  statement_timeout: {{ .Values.database.statementTimeout }}
{{- with .Values.masterKey.command }}
master_key_command: {{ toJson . }}
{{- end }}
{{- with .Values.behindProxy }}
behind_proxy: {{ toJson . }}
{{- end }}
{{- if .Values.tls.secret }}
tls: { cert: /run/mintage/tls/tls.crt, key: /run/mintage/tls/tls.key }
{{- end }}
{{- if .Values.admin.tlsSecret }}
admin_listen: 0.0.0.0:9401
admin_url: {{ required "admin.url: say under which URL the admin listener is reached" .Values.admin.url }}
admin_tls: { cert: /run/mintage/admin-tls/tls.crt, key: /run/mintage/admin-tls/tls.key }
{{- else }}
admin_listen: 127.0.0.1:9401
{{- end }}
{{- with .Values.settings }}
{{ toYaml . }}
{{- end }}
{{- end -}}
