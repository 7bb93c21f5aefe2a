package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	sigsyaml "sigs.k8s.io/yaml"
)

// kinds are those that the manifests have, as Kubernetes' own types.
var kinds = map[string]func() any{
	"Service":             func() any { return new(corev1.Service) },
	"ServiceAccount":      func() any { return new(corev1.ServiceAccount) },
	"StatefulSet":         func() any { return new(appsv1.StatefulSet) },
	"Deployment":          func() any { return new(appsv1.Deployment) },
	"PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) },
}

type kustomization struct {
	Resources          []string
	ConfigMapGenerator []struct {
		Name  string
		Files []string
	} `yaml:"configMapGenerator"`
}

// TestKubernetesHasATypeForEveryKeyOfTheManifests reads what a kustomization names with Kubernetes' own types, which know every key.
func TestKubernetesHasATypeForEveryKeyOfTheManifests(t *testing.T) {
	read := 0
	for _, folder := range []string{"base", "sqlite", "postgres"} {
		var k kustomization
		load(t, filepath.Join("kubernetes", folder, "kustomization.yaml"), &k)
		for _, name := range k.Resources {
			if name == "../base" {
				continue
			}
			read++
			path := filepath.Join("kubernetes", folder, name)
			var head struct{ Kind string }
			load(t, path, &head)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			kind := kinds[head.Kind]
			if kind == nil {
				t.Fatalf("%s: no type for kind %q", path, head.Kind)
			}
			if err := sigsyaml.UnmarshalStrict(content, kind()); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if read < 5 {
		t.Errorf("%d manifests", read)
	}
}

// TestPodsMayDoNothing holds both workloads to what a restricted namespace asks for.
func TestPodsMayDoNothing(t *testing.T) {
	for path, pod := range map[string]func([]byte) (corev1.PodSpec, error){
		"kubernetes/sqlite/statefulset.yaml": func(b []byte) (corev1.PodSpec, error) {
			var s appsv1.StatefulSet
			err := sigsyaml.UnmarshalStrict(b, &s)
			return s.Spec.Template.Spec, err
		},
		"kubernetes/postgres/deployment.yaml": func(b []byte) (corev1.PodSpec, error) {
			var d appsv1.Deployment
			err := sigsyaml.UnmarshalStrict(b, &d)
			return d.Spec.Template.Spec, err
		},
	} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := pod(content)
		if err != nil {
			t.Fatal(err)
		}
		c := spec.Containers[0].SecurityContext
		if !*spec.SecurityContext.RunAsNonRoot || !*c.ReadOnlyRootFilesystem || *c.AllowPrivilegeEscalation || c.Capabilities.Drop[0] != "ALL" || *spec.AutomountServiceAccountToken {
			t.Errorf("%s: %+v %+v", path, spec.SecurityContext, c)
		}
	}
}

// TestTheAgentAcceptsWhatThePodsMount puts the configuration, the plan and secrets in one folder, as the projected volume does.
func TestTheAgentAcceptsWhatThePodsMount(t *testing.T) {
	w := newWorld(t)
	for _, folder := range []string{"sqlite", "postgres"} {
		etc := t.TempDir()
		for name, from := range map[string]string{"agent.yaml": "kubernetes/" + folder + "/agent.yaml", "plan.yaml": "../rules/generated/plan.yaml"} {
			content, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(etc, name), strings.ReplaceAll(string(content), "/var/lib/rollback-agent", etc))
		}
		for _, name := range []string{"alertmanager.token", "ci.token", "kim.token", "lee.token", "git.token"} {
			write(t, filepath.Join(etc, name), "secret-of-"+name+"\n")
		}
		write(t, filepath.Join(etc, "postgres.dsn"), "postgres://agent:secret@127.0.0.1:5432/agent?sslmode=disable\n")
		if got := w.run("rollback-agent check-config --config.file " + etc + "/agent.yaml"); strings.Contains(got, "exit status") {
			t.Errorf("%s: %s", folder, got)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTheActionRunsCommandsThatExist reads the composite action: every step has a shell, and no input is pasted into a script.
func TestTheActionRunsCommandsThatExist(t *testing.T) {
	var action struct {
		Runs struct {
			Using string
			Steps []struct {
				Uses, Run, Shell string
			}
		}
	}
	load(t, "action/action.yml", &action)
	commands := 0
	for _, s := range action.Runs.Steps {
		if s.Run == "" {
			continue
		}
		commands++
		if s.Shell == "" || strings.Contains(s.Run, "${{") {
			t.Errorf("%+v", s)
		}
	}
	if action.Runs.Using != "composite" || commands < 3 {
		t.Errorf("%s with %d commands", action.Runs.Using, commands)
	}
}
