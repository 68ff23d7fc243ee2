package test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// chart is the folder of the chart.
const chart = "../mintage"

// render returns the objects that the chart makes of some values, by kind and
// name, each in YAML.
func render(t *testing.T, values string) (map[string]string, error) {
	t.Helper()
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	own, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(c, own, chartutil.ReleaseOptions{Name: "auth", Namespace: "identity", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	objects := map[string]string{}
	for name, text := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for doc := range strings.SplitSeq(text, "\n---\n") {
			if strings.TrimSpace(doc) == "" {
				continue
			}
			var head struct {
				Kind     string
				Metadata struct{ Name string }
			}
			if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, doc)
			}
			objects[head.Kind+"/"+head.Metadata.Name] = doc
		}
	}
	return objects, nil
}

// object reads one strictly.
func object[T any](t *testing.T, objects map[string]string, name string) *T {
	t.Helper()
	var v T
	text, ok := objects[name]
	if !ok {
		t.Fatalf("there is no %s, but %q", name, slices.Sorted(maps.Keys(objects)))
	}
	if err := yaml.UnmarshalStrict([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	return &v
}

const least = `
database: { secret: db }
masterKey: { secret: key }
behindProxy: [10.0.0.0/8]
`

const most = `
replicas: 3
image: { repository: registry.example/mintage, tag: "1.2.3" }
imagePullSecrets: [{ name: pull }]
database: { secret: db, secretKey: dsn, maxConnections: 12 }
masterKey: { secret: key, secretKey: m, command: [/mintage-kms, --key, "hashivault://mintage"] }
behindProxy: [10.0.0.0/8, 192.168.0.0/16]
tls: { secret: public }
admin: { tlsSecret: admin, url: "https://admin.auth.svc:9401" }
settings: { limits: { requests_per_minute: 600 }, log: { level: warn } }
env: [{ name: VAULT_ADDR, value: "https://vault:8200" }]
ingress: { enabled: true, className: nginx, hosts: [auth.example.com, other.example.com], tlsSecret: front }
serviceAccount: { name: auth, mountToken: true }
nodeSelector: { disk: ssd }
tolerations: [{ key: dedicated, operator: Exists }]
podAnnotations: { a: b }
podLabels: { team: identity }
service: { annotations: { c: d } }
`

func TestLeast(t *testing.T) {
	t.Parallel()
	objects, err := render(t, least)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(objects)), []string{"ConfigMap/auth", "Deployment/auth", "PodDisruptionBudget/auth", "Service/auth"}; !slices.Equal(got, want) {
		t.Errorf("objects %q, want %q", got, want)
	}
	d := object[appsv1.Deployment](t, objects, "Deployment/auth")
	hardened(t, &d.Spec.Template.Spec)
	if *d.Spec.Replicas != 2 || d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() != 0 {
		t.Errorf("%d replicas, strategy %+v", *d.Spec.Replicas, d.Spec.Strategy)
	}
	for k, v := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[k] != v || object[corev1.Service](t, objects, "Service/auth").Spec.Selector[k] != v {
			t.Errorf("the label %s is not the same everywhere", k)
		}
	}
	if b := object[policyv1.PodDisruptionBudget](t, objects, "PodDisruptionBudget/auth"); b.Spec.MinAvailable.IntValue() != 1 {
		t.Errorf("budget %+v", b.Spec)
	}
	settings(t, objects)
}

func TestMost(t *testing.T) {
	t.Parallel()
	objects, err := render(t, most)
	if err != nil {
		t.Fatal(err)
	}
	d := object[appsv1.Deployment](t, objects, "Deployment/auth")
	pod := &d.Spec.Template.Spec
	hardened(t, pod)
	c := pod.Containers[0]
	if c.Image != "registry.example/mintage:1.2.3" || len(c.Ports) != 2 || c.Env[0].Value != "https://vault:8200" || !slices.Contains(c.ReadinessProbe.Exec.Command, "https://admin.auth.svc:9401") {
		t.Errorf("container %+v", c)
	}
	if i := object[networkingv1.Ingress](t, objects, "Ingress/auth"); len(i.Spec.Rules) != 2 || len(i.Spec.TLS) != 1 {
		t.Errorf("ingress %+v", i.Spec)
	}
	object[corev1.Service](t, objects, "Service/auth-admin")
	settings(t, objects)
}

// hardened holds what a cluster that is strict about pods asks for.
func hardened(t *testing.T, pod *corev1.PodSpec) {
	t.Helper()
	s := pod.SecurityContext
	if !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("security context of the pod %+v", s)
	}
	mounted := map[string]bool{}
	for _, c := range append(slices.Clone(pod.InitContainers), pod.Containers...) {
		s := c.SecurityContext
		if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("security context of %s %+v", c.Name, s)
		}
		for _, m := range c.VolumeMounts {
			mounted[m.Name] = true
		}
	}
	for _, v := range pod.Volumes {
		if !mounted[v.Name] {
			t.Errorf("the volume %s is mounted nowhere", v.Name)
		}
		delete(mounted, v.Name)
	}
	if len(mounted) > 0 {
		t.Errorf("there are no volumes %v", mounted)
	}
	c := pod.Containers[0]
	if c.StartupProbe == nil || c.ReadinessProbe == nil || c.LivenessProbe == nil || c.Lifecycle.PreStop.Sleep == nil || c.Resources.Limits.Memory().IsZero() {
		t.Errorf("container %+v", c)
	}
	if *pod.TerminationGracePeriodSeconds <= c.Lifecycle.PreStop.Sleep.Seconds {
		t.Errorf("%d s to end", *pod.TerminationGracePeriodSeconds)
	}
}

// settings has the server itself read the file that the chart makes.
func settings(t *testing.T, objects map[string]string) {
	t.Helper()
	text := object[corev1.ConfigMap](t, objects, "ConfigMap/auth").Data["server.yaml"]
	dir := t.TempDir()
	url := filepath.Join(dir, "url")
	if err := os.WriteFile(url, []byte("postgres://mintage@db/mintage"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "server.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(text, "/run/mintage/database/url", url, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "-C", "../../..", "run", "./cmd/mintage", "config", "show", "--config", file).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\nof\n%s", err, out, text)
	}
}

// What cannot run is refused when it is rendered, with what to do.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ values, want string }{
		"no database":      {"masterKey: { secret: key }\nbehindProxy: [10.0.0.0/8]", "database.secret"},
		"no master key":    {"database: { secret: db }\nbehindProxy: [10.0.0.0/8]", "masterKey.secret"},
		"in the clear":     {"database: { secret: db }\nmasterKey: { secret: key }", "behindProxy"},
		"admin, no URL":    {least + "admin: { tlsSecret: a }", "admin.url"},
		"ingress, no host": {least + "ingress: { enabled: true }", "ingress.hosts"},
	} {
		if _, err := render(t, c.values); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
