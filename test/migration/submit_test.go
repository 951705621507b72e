// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

// callsVariable names the file to which each call of spark-submit is appended.
const callsVariable = "MIGRATION_TEST_CALLS"

// Arguments of applications.
const (
	endless  = "endless"  // until the test lets it end
	pending  = "pending"  // never starts
	succeeds = "succeeds" // at once
	fails    = "fails"    // with exit code 1
	refused  = "refused"  // spark-submit fails
)

// unowned is a namespace in which driver pods have no owner, as those of versions of
// kubeflow/spark-operator whose webhook sets it, while the webhook is disabled.
const unowned = "unowned"

// submitAsSpark does what spark-submit does with the arguments of kubeflow's controller.
func submitAsSpark(ctx context.Context, calls string, arguments []string) error {
	call, err := parse(arguments)
	if err != nil {
		return err
	}
	namespace, name := call.Conf["spark.kubernetes.namespace"], call.Conf["spark.kubernetes.driver.pod.name"]
	file, err := os.OpenFile(calls, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := fmt.Fprintln(file, namespace+"/"+name); err != nil {
		return err
	}
	if call.Arguments[len(call.Arguments)-1] == refused {
		return errors.New("Exception in thread \"main\" io.fabric8.kubernetes.client.KubernetesClientException: refused")
	}
	objects, err := submit.Build(call)
	if err != nil {
		return err
	}
	if namespace == unowned {
		objects.Driver.OwnerReferences = nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pod, err := core.CoreV1().Pods(namespace).Create(ctx, objects.Driver, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	submit.Own(&objects, &pod.ObjectMeta)
	if _, err := core.CoreV1().Services(namespace).Create(ctx, objects.Service, metav1.CreateOptions{}); err != nil {
		return err
	}
	for _, configMap := range objects.ConfigMaps {
		if _, err := core.CoreV1().ConfigMaps(namespace).Create(ctx, configMap, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// parse reads a command line of spark-submit.
func parse(arguments []string) (submit.Input, error) {
	drawn := fmt.Sprint(time.Now().UnixNano()) // the real client draws its identifiers
	call := submit.Input{SparkVersion: "4.0.5", Conf: map[string]string{}, Files: map[string][]byte{}, User: "spark", IDs: submit.NewIDs(drawn), SubmitTime: time.Now()}
	for len(arguments) > 1 && strings.HasPrefix(arguments[0], "--") {
		value := arguments[1]
		switch arguments[0] {
		case "--conf":
			key, setting, _ := strings.Cut(value, "=")
			call.Conf[key] = setting
			if strings.HasSuffix(key, ".podTemplateFile") {
				text, err := os.ReadFile(setting)
				if err != nil {
					return call, err
				}
				call.Files[setting] = text
			}
		case "--class":
			call.MainClass = value
		case "--name":
			call.Conf["spark.app.name"] = value
		case "--master":
			call.Conf["spark.master"] = value
		case "--deploy-mode":
			call.Conf["spark.submit.deployMode"] = value
		default:
			return call, fmt.Errorf("unexpected option %s", arguments[0])
		}
		arguments = arguments[2:]
	}
	if len(arguments) < 2 {
		return call, fmt.Errorf("no file and argument in %q", arguments)
	}
	call.PrimaryResource, call.Arguments = arguments[0], arguments[1:]
	return call, nil
}
