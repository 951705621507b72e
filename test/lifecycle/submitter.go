// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// RunSparkSubmit creates and returns the driver pod that spark-submit in the Job of the
// operator would create for an application with these arguments.
func RunSparkSubmit(ctx context.Context, core kubernetes.Interface, job *batchv1.Job, arguments ...string) (*corev1.Pod, error) {
	configMap, err := core.CoreV1().ConfigMaps(job.Namespace).Get(ctx, job.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if !metav1.IsControlledBy(configMap, job) {
		return nil, fmt.Errorf("owners of config map %s: %v", configMap.Name, configMap.OwnerReferences)
	}
	conf, err := sparkconf.ParseProperties(configMap.Data["spark.properties"])
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, text := range configMap.Data {
		files["/etc/spark-submit/"+name] = []byte(text)
	}
	objects, err := submit.Build(submit.Input{
		SparkVersion: "4.3.0", Conf: conf, Files: files, MainClass: "org.apache.spark.examples.SparkPi",
		PrimaryResource: "local:///opt/spark/examples/jars/spark-examples.jar", Arguments: arguments, User: "spark",
		IDs: submit.NewIDs("drawn by the client"), SubmitTime: time.Now(),
	})
	if err != nil {
		return nil, err
	}
	return core.CoreV1().Pods(job.Namespace).Create(ctx, objects.Driver, metav1.CreateOptions{})
}
