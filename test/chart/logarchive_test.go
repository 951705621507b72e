// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// archiverRules are all that the log archiver may do. test/integration runs it with them.
var archiverRules = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
	{APIGroups: []string{""}, Resources: []string{"pods/status"}, Verbs: []string{"patch"}},
}

const withArchive = "logArchive.enable=true,logArchive.bucket=s3://logs?region=eu-west-1"

// TestNoLogArchiveByDefault: no object, no flag.
func TestNoLogArchiveByDefault(t *testing.T) {
	text, err := template(t)
	if err != nil || strings.Contains(text, "archive") {
		t.Errorf("the archive is there by default: %v", err)
	}
	if text, err := template(t, "--set", "logArchive.enable=true"); err == nil || !strings.Contains(err.Error()+text, "logArchive.enable requires logArchive.bucket") {
		t.Errorf("without bucket: %v", err)
	}
}

// TestLogArchiverHasItsOwnRights, in listed namespaces or everywhere, and the operator gets
// none for it. Its pod is hardened as that of the operator is.
func TestLogArchiverHasItsOwnRights(t *testing.T) {
	for set, want := range map[string]struct{ kind, namespaces string }{
		withArchive + ",spark.jobNamespaces={a,b}": {"Role", "a,b"},
		withArchive + ",spark.jobNamespaces={}":    {"ClusterRole", ""},
	} {
		all := render(t, "--set", set)
		found := 0
		for _, role := range decode[rbacv1.Role](t, all, want.kind) {
			if !strings.HasSuffix(role.Name, "log-archiver") {
				continue
			}
			found++
			if !equality.Semantic.DeepEqual(role.Rules, archiverRules) {
				t.Errorf("%s: rules %+v", set, role.Rules)
			}
		}
		if found != max(strings.Count(want.namespaces, ",")+1, 1) {
			t.Errorf("%s: %d roles", set, found)
		}
		archiver := deploymentOf(t, all, "log-archiver").Spec.Template.Spec
		container := archiver.Containers[0]
		if scoped := slices.Contains(container.Args, "--namespaces="+want.namespaces); scoped != (want.namespaces != "") || !slices.Contains(container.Args, "--bucket=s3://logs?region=eu-west-1") {
			t.Errorf("%s: arguments %q", set, container.Args)
		}
		operator := deployment(t, all).Spec.Template.Spec
		if !equality.Semantic.DeepEqual(archiver.SecurityContext, operator.SecurityContext) || !equality.Semantic.DeepEqual(container.SecurityContext, operator.Containers[0].SecurityContext) {
			t.Errorf("%s: the log archiver is not hardened as the operator is", set)
		}
		if archiver.ServiceAccountName == operator.ServiceAccountName || container.Image == operator.Containers[0].Image {
			t.Errorf("%s: account %s, image %s", set, archiver.ServiceAccountName, container.Image)
		}
	}
}

// TestOperatorKnowsTheArchive by its flags, which it accepts.
func TestOperatorKnowsTheArchive(t *testing.T) {
	args := deployment(t, render(t, "--set", withArchive+",logArchive.default=true,logArchive.deadline=1h")).Spec.Template.Spec.Containers[0].Args
	for _, want := range []string{"--enable-log-archive=true", "--archive-logs=true", "--log-archive-deadline=1h"} {
		if !slices.Contains(args, want) {
			t.Errorf("%s is not among %q", want, args)
		}
	}
}

// TestCredentialsOfTheBucket come from a Secret, or from the identity of the account.
func TestCredentialsOfTheBucket(t *testing.T) {
	all := render(t, "--set", withArchive+",logArchive.envFrom[0].secretRef.name=bucket,logArchive.serviceAccount.annotations.role=logs")
	container := deploymentOf(t, all, "log-archiver").Spec.Template.Spec.Containers[0]
	if len(container.EnvFrom) != 1 || container.EnvFrom[0].SecretRef.Name != "bucket" {
		t.Errorf("environment %+v", container.EnvFrom)
	}
	var annotations []string
	for _, account := range decode[corev1.ServiceAccount](t, all, "ServiceAccount") {
		if strings.HasSuffix(account.Name, "log-archiver") {
			annotations = append(annotations, fmt.Sprint(account.Annotations))
		}
	}
	if !slices.Equal(annotations, []string{"map[role:logs]"}) {
		t.Errorf("annotations %q", annotations)
	}
}
