{{/* Names. They follow the release, and are the chart's where that says the same. */}}
{{- define "mesoscale.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mesoscale.operator" -}}
{{- printf "%s-operator" (include "mesoscale.name" .) -}}
{{- end -}}

{{/* Labels of every object: mesoscale.labels (dict "root" . "component" NAME) */}}
{{- define "mesoscale.labels" -}}
{{ include "mesoscale.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: mesoscale
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "mesoscale.selector" -}}
app.kubernetes.io/name: mesoscale
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "mesoscale.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Which namespaces the operator serves, as its programs are told. */}}
{{- define "mesoscale.scope" -}}
{{- range .Values.scope.namespaces }}
- --namespace={{ . }}
{{- else }}
- --all-namespaces
{{- end }}
{{- end -}}

{{/* What the operator reads of this installation: the values, and where it is itself. */}}
{{- define "mesoscale.installation" -}}
{{- $here := dict "operatorNamespace" .Release.Namespace -}}
{{- if .Values.imagePullSecrets -}}
{{- $_ := set $here "imagePullSecrets" (list) -}}
{{- range .Values.imagePullSecrets -}}
{{- $_ := set $here "imagePullSecrets" (append $here.imagePullSecrets .name) -}}
{{- end -}}
{{- end -}}
{{- merge (deepCopy .Values.installation) $here | toYaml -}}
{{- end -}}

{{/* Restricted Pod Security, for every pod here. */}}
{{- define "mesoscale.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "mesoscale.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What every pod here shares but its container: mesoscale.pod (dict "root" . "account" NAME) */}}
{{- define "mesoscale.pod" -}}
serviceAccountName: {{ .account }}
enableServiceLinks: false
securityContext:
  {{- include "mesoscale.podSecurity" . | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The head of an object that only a hook has: (dict "root" . "name" … "component" … "on" … "weight" … "until" …) */}}
{{- define "mesoscale.hookMetadata" -}}
name: {{ .name }}
labels:
  {{- include "mesoscale.labels" . | nindent 2 }}
annotations:
  helm.sh/hook: {{ .on }}
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: {{ .until | default "before-hook-creation,hook-succeeded" }}
{{- end -}}

{{/* A Job of a hook: it runs one program of the operator's image and ends, well or not, within its deadline. */}}
{{- define "mesoscale.hookJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  namespace: {{ .root.Release.Namespace }}
  {{- include "mesoscale.hookMetadata" . | nindent 2 }}
spec:
  activeDeadlineSeconds: {{ .deadline }}
  backoffLimit: {{ .attempts }}
  template:
    metadata:
      labels:
        {{- include "mesoscale.selector" . | nindent 8 }}
    spec:
      {{- include "mesoscale.hookPod" . | nindent 6 }}
{{- end -}}

{{- define "mesoscale.hookPod" -}}
{{ include "mesoscale.pod" (dict "root" .root "account" .name) }}
restartPolicy: Never
containers:
  - name: {{ .component }}
    image: {{ include "mesoscale.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command:
      {{- toYaml .command | nindent 6 }}
    resources:
      requests: {cpu: 100m, memory: 96Mi}
      limits: {memory: 256Mi}
    securityContext:
      {{- include "mesoscale.containerSecurity" . | nindent 6 }}
{{- end -}}
