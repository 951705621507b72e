// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	sparkinformers "github.com/spark-operator/spark-operator/pkg/client/informers/externalversions"
)

const (
	// secretInSecret is a value of Secrets alone. Programs get it, and print it in the forms of
	// printsSecrets.
	secretInSecret = "iS9-geheim-Qx27-not-for-the-status"
	// secretInSpec is a value of spec.sparkConf, which Spark reads from the ConfigMap of the run.
	secretInSpec = "sP4-geheim-Lm83-not-for-messages"
	// printedSecret is the name of the variable that printsSecrets needs.
	printedSecret = "DB_PASSWORD"
)

// printsSecrets is Python. The end of its output must be what a status shows.
const printsSecrets = `
import os
secret = os.environ.get("` + printedSecret + `", "none")
print("--conf spark.hadoop.fs.s3a.secret.key=" + secret)
print("Authorization: Bearer " + secret)
print("cannot connect to jdbc:postgresql://jane:" + secret + "@db:5432/x?password=" + secret, flush=True)
`

// secretWatch looks for secrets in each version of all objects of the job namespaces that
// the operator writes, from before the first test to the end.
type secretWatch struct {
	mu    sync.Mutex
	found map[string]bool
	// tokens are those that the operator generated.
	tokens []string
	stop   context.CancelFunc
	shut   []func()
}

// leaks is the one of this test run; set by TestMain before any test.
var leaks *secretWatch

func watchForSecrets(ctx context.Context, namespaces ...string) (*secretWatch, error) {
	ctx, stop := context.WithCancel(ctx)
	w := &secretWatch{found: map[string]bool{}, stop: stop}
	for _, namespace := range namespaces {
		core := informers.NewSharedInformerFactoryWithOptions(cluster.core, 0, informers.WithNamespace(namespace))
		spark := sparkinformers.NewSharedInformerFactoryWithOptions(cluster.spark, 0, sparkinformers.WithNamespace(namespace))
		for _, informer := range []cache.SharedIndexInformer{
			core.Core().V1().Pods().Informer(), core.Core().V1().Services().Informer(), core.Core().V1().ConfigMaps().Informer(),
			core.Events().V1().Events().Informer(), core.Networking().V1().Ingresses().Informer(), core.Batch().V1().Jobs().Informer(),
			spark.Sparkoperator().V1beta2().SparkApplications().Informer(), spark.Sparkoperator().V1beta2().ScheduledSparkApplications().Informer(),
			spark.Sparkoperator().V1alpha1().SparkConnects().Informer(),
		} {
			if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: w.look, UpdateFunc: func(_, object any) { w.look(object) }}); err != nil {
				return nil, err
			}
		}
		core.Start(ctx.Done())
		spark.Start(ctx.Done())
		w.shut = append(w.shut, core.Shutdown, spark.Shutdown)
		for kind, synced := range core.WaitForCacheSync(ctx.Done()) {
			if !synced {
				return nil, fmt.Errorf("watch %v in %s", kind, namespace)
			}
		}
		spark.WaitForCacheSync(ctx.Done())
	}
	return w, nil
}

// plant adds a token to what is looked for in whatever is written from now on, and in logs.
func (w *secretWatch) plant(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = append(w.tokens, token)
}

func (w *secretWatch) secrets() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{secretInSecret, secretInSpec}, w.tokens...)
}

// look looks at an object. The spec of an application contains what its user writes there,
// and so do the pods, ConfigMaps and annotations that Spark needs it in.
func (w *secretWatch) look(object any) {
	of, ok := object.(metav1.Object)
	if !ok {
		return
	}
	var written any
	inSpec := false
	switch object := object.(type) {
	case *v1beta2.SparkApplication:
		written = object.Status
	case *v1beta2.ScheduledSparkApplication:
		written = object.Status
	case *v1alpha1.SparkConnect:
		written = object.Status
	case *eventsv1.Event:
		written = object
	default:
		written, inSpec = object, true
	}
	text, err := json.Marshal(written)
	name := fmt.Sprintf("%T %s/%s", object, of.GetNamespace(), of.GetName())
	if err != nil {
		name, text = name+": "+err.Error(), []byte(secretInSecret)
	}
	for _, secret := range w.secrets() {
		if strings.Contains(string(text), secret) && (secret != secretInSpec || !inSpec) {
			w.mu.Lock()
			w.found[fmt.Sprintf("%s contains %q", name, secret)] = true
			w.mu.Unlock()
		}
	}
}

// check ends the watch and looks at the logs of the operators, those of the containers
// before the last restart too. It fails for each place with a secret.
func (w *secretWatch) check(ctx context.Context) error {
	w.stop()
	for _, shut := range w.shut {
		shut()
	}
	var failures []error
	for _, place := range slices.Sorted(maps.Keys(w.found)) {
		failures = append(failures, errors.New(place))
	}
	for _, namespace := range []string{operatorNamespace, webhookNamespace} {
		pods, err := cluster.core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range pods.Items {
			for _, previous := range []bool{false, true} {
				log, err := operatorLog(ctx, &pods.Items[i], previous)
				if apierrors.IsBadRequest(err) || apierrors.IsNotFound(err) {
					continue // it never restarted
				}
				if err != nil {
					return err
				}
				for _, secret := range w.secrets() {
					if strings.Contains(log, secret) {
						failures = append(failures, fmt.Errorf("the log of %s/%s contains %q", namespace, pods.Items[i].Name, secret))
					}
				}
			}
		}
	}
	return errors.Join(failures...)
}

func operatorLog(ctx context.Context, pod *corev1.Pod, previous bool) (string, error) {
	stream, err := cluster.core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Previous: previous}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	return string(text), err
}

// withSecrets gives a driver the secrets of this file. The Secret has to exist.
func withSecrets(app *v1beta2.SparkApplication, secret string) {
	app.Spec.SparkConf["spark.hadoop.fs.s3a.secret.key"] = secretInSpec
	app.Spec.Driver.Env = append(app.Spec.Driver.Env, corev1.EnvVar{Name: printedSecret, ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: "password"},
	}})
}

// wantHidden checks that a text is the end of what printsSecrets wrote.
func wantHidden(t *testing.T, text string) {
	t.Helper()
	for _, want := range []string{
		"spark.hadoop.fs.s3a.secret.key=[redacted]", "Authorization: Bearer [redacted]", "jdbc:postgresql://jane:[redacted]@db:5432/x?password=[redacted]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
}
