// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// attacks are all attacks by name. Each of them fails if the attacker gets what it wants.
var attacks = map[string]func(t *testing.T, by *tenant){
	"namespace":             createInAnotherNamespace,
	"environment":           readTheEnvironment,
	"files":                 readFiles,
	"secrets":               readSecrets,
	"credentials":           useOtherCredentials,
	"service-account":       useAnotherServiceAccount,
	"pod-security":          evadePodSecurity,
	"driver-name":           takeADriver,
	"driver-adoption":       forgeADriver,
	"executors":             forgeExecutors,
	"status":                forgeAStatus,
	"annotation":            forgeRunObjects,
	"labels":                forgeLabels,
	"service":               takeAService,
	"ingress":               takeAnIngress,
	"ingress-host":          chooseAHost,
	"pod-group":             takeAPodGroup,
	"disruption-budget":     takeADisruptionBudget,
	"config-map":            takeAConfigMap,
	"job":                   takeAJob,
	"webhook-pod":           readThroughTheWebhook,
	"web-ui":                misleadTheSampler,
	"webhook-bodies":        floodTheWebhook,
	"poison":                poisonTheCache,
	"quadratic":             wasteTimeInLists,
	"references":            wasteMemoryInReferences,
	"huge":                  storeHugeObjects,
	"metadata":              bombAnnotations,
	"finalizer":             blockByFinalizers,
	"edits":                 floodWithEdits,
	"application-flood":     floodWithApplications,
	"schedule-flood":        floodWithSchedules,
	"secrets-in-messages":   plantSecretsInMessages,
	"application-not-owned": claimAnApplication,
}

// tenant may use SparkApplications, ScheduledSparkApplications with their statuses,
// ConfigMaps and pods with their statuses in one namespace, and nothing else.
type tenant struct {
	namespace string
	core      kubernetes.Interface
	spark     versioned.Interface
	dynamic   dynamic.Interface
}

// What the operator has that no tenant may see.
const (
	plantedEnv  = "env-of-the-operator-71c4"
	plantedFile = "file-of-the-operator-93b0"
)

// victim is the namespace of another tenant.
const victim = "threats-victim"

// under is what is attacked.
var under struct {
	controller  *operator.Process
	user        string // the account of the controller
	webhookPort int
	file        string // a file of the operator
}

// TestAttacks runs all attacks at once against one operator. In the end it works, was
// refused nothing, and has used little memory.
func TestAttacks(t *testing.T) {
	t.Parallel()
	newNamespace(t, victim, "attacks")
	under.file = filepath.Join(t.TempDir(), "planted")
	if err := os.WriteFile(under.file, []byte(plantedFile), 0o600); err != nil {
		t.Fatal(err)
	}
	process, config := account(t, "attacked", []string{"controller", "start"}, "--namespace-selector=watched=attacks",
		"--enable-driver-pdb", "--enable-batch-scheduler", "--kube-scheduler-names=coscheduling",
		"--ingress-url-format={{$appName}}.spark.example.com/{{$appNamespace}}", "--driver-pod-creation-grace-period=1s")
	under.user = process.User()
	running, err := operator.StartReady(t.Context(), operator.Options{
		Binary: operatorBinary, Kubeconfig: kubeconfigOf(t, config), Log: filepath.Join(t.TempDir(), "operator.log"),
		Flags: process.Flags, Env: []string{"PLANTED=" + plantedEnv},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	under.controller = running
	t.Run("by", func(t *testing.T) {
		for name, attack := range attacks {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				attack(t, newTenant(t, "threats-"+name))
			})
		}
	})
	serves(t)
	nothingRefused(t, under.user)
	if peak := peakMemory(t, running.PID()); peak > maxMemory {
		t.Errorf("the operator used up to %d MB", peak>>20)
	} else {
		t.Logf("the operator used up to %d MB", peak>>20)
	}
	if log := running.Log(); strings.Contains(log, "panic") || strings.Contains(log, plantedEnv) || strings.Contains(log, plantedFile) {
		t.Errorf("log of the operator:\n%s", running.Tail(40))
	}
	if t.Failed() {
		t.Logf("log of the operator:\n%s", running.Tail(40))
	}
}

// maxMemory is what the operator may use at most while it is attacked.
const maxMemory = 512 << 20

// peakMemory is the largest resident size that a process had, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// newTenant creates a namespace with a tenant.
func newTenant(t *testing.T, namespace string) *tenant {
	t.Helper()
	newNamespace(t, namespace, "attacks")
	all := []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "tenant"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1beta2.GroupName}, Verbs: all, Resources: []string{
			"sparkapplications", "sparkapplications/status", "scheduledsparkapplications", "scheduledsparkapplications/status",
		}},
		{APIGroups: []string{""}, Verbs: all, Resources: []string{"pods", "pods/status", "configmaps"}},
		// So that the admission plugin lets it write any owner reference.
		{APIGroups: []string{v1beta2.GroupName}, Verbs: []string{"update"}, Resources: []string{"sparkapplications/finalizers", "scheduledsparkapplications/finalizers"}},
	}}
	if _, err := api.Core.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tenant"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: namespace}},
	}
	if _, err := api.Core.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(api.Config)
	config.Impersonate.UserName = namespace
	by := &tenant{namespace: namespace}
	var errs [3]error
	by.core, errs[0] = kubernetes.NewForConfig(config)
	by.spark, errs[1] = versioned.NewForConfig(config)
	by.dynamic, errs[2] = dynamic.NewForConfig(config)
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	// The authorizer of the API server learns of the role a moment later.
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		_, err := by.core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	return by
}

func (by *tenant) app(name, life string) *v1beta2.SparkApplication {
	return sparkPi(by.namespace, name, life)
}

// create creates an application as the tenant.
func (by *tenant) create(t *testing.T, app *v1beta2.SparkApplication) *v1beta2.SparkApplication {
	t.Helper()
	created, err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Create(t.Context(), app, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create %s: %v", app.Name, err)
	}
	return created
}

// fails creates an application that must fail, or be refused by the API server, for a
// reason that contains the text.
func (by *tenant) fails(t *testing.T, app *v1beta2.SparkApplication, reason string) {
	t.Helper()
	_, err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Create(t.Context(), app, metav1.CreateOptions{})
	if err != nil {
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", app.Name, err)
		}
		return
	}
	stored := waitFor(t, by.namespace, app.Name, "FAILED or stalled", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateFailed || meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionStalled)
	})
	message := stored.Status.AppState.ErrorMessage
	if stalled := meta.FindStatusCondition(stored.Status.Conditions, v1beta2.ConditionStalled); stalled != nil {
		message += stalled.Message
	}
	if !strings.Contains(message, reason) {
		t.Errorf("%s: %q does not contain %q", app.Name, message, reason)
	}
}

// serves fails if the operator does not submit an application of another namespace soon.
func serves(t *testing.T) {
	t.Helper()
	begun := time.Now()
	app := create(t, sparkPi(victim, fmt.Sprintf("next-%d", number.Add(1)), ""))
	waitState(t, app, v1beta2.ApplicationStateRunning)
	if took := time.Since(begun); took > maxDelay {
		t.Errorf("another namespace waited for %v", took)
	}
	if err := api.Spark.SparkoperatorV1beta2().SparkApplications(victim).Delete(t.Context(), app.Name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// maxDelay is how long another namespace may wait while all attacks are under way: the
// machine has two processors for API server, operator and tests.
const maxDelay = time.Minute

// settle gives the operator time to do what it should not do.
func settle() { time.Sleep(3 * time.Second) }

// readable are the kinds of objects in which secrets could appear.
var readable = []schema.GroupVersionResource{
	v1beta2.SchemeGroupVersion.WithResource("sparkapplications"),
	{Version: "v1", Resource: "pods"},
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "secrets"},
	{Version: "v1", Resource: "services"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	{Group: "events.k8s.io", Version: "v1", Resource: "events"},
}

// contents returns all objects of the tenant's namespace as JSON.
func (by *tenant) contents(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, resource := range readable {
		list, err := api.Dynamic.Resource(resource).Namespace(by.namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestThreatTable: docs/security.md has a row for each attack, and names no test that does
// not exist.
func TestThreatTable(t *testing.T) {
	const page = sim.Repository + "/docs/security.md"
	header, rows := document.Table(t, page, "Asset")
	if want := []string{"Asset", "Attack", "Defence", "Test"}; !slices.Equal(header, want) {
		t.Fatalf("header %q, want %q", header, want)
	}
	if len(rows) < 20 {
		t.Errorf("%d rows", len(rows))
	}
	listed := map[string]bool{}
	for _, row := range rows {
		for _, cell := range row {
			if cell == "" {
				t.Errorf("row with an empty cell: %q", row)
			}
		}
		names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[3], -1)
		if len(names) == 0 {
			t.Errorf("row without a test: %q", row)
		}
		for _, name := range names {
			test, attack, _ := strings.Cut(name[1], "/")
			if attack = strings.TrimPrefix(attack, "by/"); test == "TestAttacks" && attacks[attack] == nil {
				t.Errorf("there is no attack %q", attack)
			}
			listed[attack] = true
			if !isTest(t, test) {
				t.Errorf("there is no test %s", test)
			}
		}
	}
	for name := range attacks {
		if !listed[name] {
			t.Errorf("%s has no row for TestAttacks/by/%s", page, name)
		}
	}
	for permission, test := range elsewhere {
		if !isTest(t, test) {
			t.Errorf("%s: there is no test %s", permission, test)
		}
	}
}

// isTest reports whether a package with tests for a real API server has a test.
func isTest(t *testing.T, name string) bool {
	t.Helper()
	for _, folder := range []string{".", "../integration", "../webhook"} {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.Contains(document.Read(t, file), "\nfunc "+name+"(t *testing.T) {") {
				return true
			}
		}
	}
	return false
}
