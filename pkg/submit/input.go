// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Input is one call of spark-submit in cluster mode, with everything that the
// real client takes from its process, clock and random source made explicit.
// Equal inputs give equal Objects.
type Input struct {
	// SparkVersion is the version of the Spark distribution whose client is
	// reproduced, such as "4.1.4". It selects the version switches and is the
	// value of the label spark-version.
	SparkVersion string
	// VersionGuessed is set if not even the minor version is known. Then the objects
	// have no port of Spark Connect, no securityContext and no NetworkPolicy of Spark's
	// own, which the real version may not know.
	VersionGuessed bool
	// Conf holds the merged properties: command line flags that map to a
	// property, --conf, --properties-file and defaults, in Spark's precedence
	// (SparkSubmitArguments). Keys that do not start with "spark." are ignored.
	Conf map[string]string
	// MainClass is --class; empty if not given.
	MainClass string
	// PrimaryResource is the JAR, Python or R file, or "spark-internal".
	PrimaryResource string
	// AllowServers permits the Thrift server and the Connect server as main classes.
	// The real client refuses them in cluster mode, although the driver's own
	// spark-submit, which is in client mode, runs them. See [IsServer].
	AllowServers bool
	// Arguments are the application's own arguments, verbatim.
	Arguments []string
	// ProxyUser is --proxy-user; empty if not given.
	ProxyUser string
	// User is the short name of the submitting Hadoop user, the last resort for
	// SPARK_USER.
	User string
	// Env is the submitter's environment as far as Spark reads it: SPARK_USER,
	// PYSPARK_PYTHON, PYSPARK_DRIVER_PYTHON, SPARK_LOCAL_DIRS, SPARK_CONF_DIR,
	// HADOOP_CONF_DIR, HADOOP_TOKEN_FILE_LOCATION, references of the form
	// ${env:NAME}, and what completes missing properties: MASTER, DEPLOY_MODE,
	// SPARK_DRIVER_MEMORY, SPARK_EXECUTOR_MEMORY and SPARK_EXECUTOR_CORES.
	Env map[string]string
	// Files is the submitter's file system: absolute path to content. The
	// operator never reads local files for an application and leaves it empty.
	Files map[string][]byte
	// WorkingDir is the directory against which relative paths resolve.
	WorkingDir string
	// DriverTemplate, when set, is the driver pod template and takes the place of
	// spark.kubernetes.driver.podTemplateFile. Build does not modify it.
	DriverTemplate *corev1.PodTemplateSpec
	// ExecutorTemplate, when set, is the text of the executor pod template and
	// takes the place of the file spark.kubernetes.executor.podTemplateFile.
	ExecutorTemplate []byte
	// IDs are the identifiers that the real client draws at random.
	IDs IDs
	// SubmitTime becomes spark.app.submitTime and the date comment of
	// spark.properties.
	SubmitTime time.Time
}

// IDs are the identifiers that spark-submit draws at random. The controller
// derives them from the submission id (see NewIDs), so that a repeated build
// names the same objects.
type IDs struct {
	// App is the Spark application id: "spark-" and 32 lower-case hex digits.
	App string
	// Resource is the 16-digit hex suffix of the resource name prefix
	// (KubernetesUtils.uniqueID).
	Resource string
	// Service is the 16-digit hex id of the short service name, used when the
	// preferred one exceeds 63 characters.
	Service string
	// ConfigMap is the 16-digit hex id in spark-drv-<id>-conf-map.
	ConfigMap string
	// LocalDir is the UUID of the default scratch directory /var/data/spark-<uuid>.
	LocalDir string
}

// Objects is what one submission creates, in the order of the fields: Pre before
// the driver pod, everything else after it and owned by it.
type Objects struct {
	// Pre are objects that exist before the pod (Volcano's PodGroup) and are
	// applied again with an owner reference afterwards.
	Pre []*unstructured.Unstructured
	// Driver is the driver pod.
	Driver *corev1.Pod
	// Secrets in creation order: credentials, keytab, delegation tokens.
	Secrets []*corev1.Secret
	// Service is the headless driver service; nil when its step is excluded.
	Service *corev1.Service
	// NetworkPolicy restricts executor ingress (Spark 4.2 and newer); otherwise nil.
	NetworkPolicy *networkingv1.NetworkPolicy
	// Claims are on-demand persistent volume claims of the driver.
	Claims []*corev1.PersistentVolumeClaim
	// ConfigMaps in creation order; the last is the driver's conf ConfigMap with
	// spark.properties.
	ConfigMaps []*corev1.ConfigMap
	// Properties is the content of spark.properties, for inspection.
	Properties map[string]string
	// Warnings are one-line texts about input that has no effect or was replaced.
	Warnings []string
}
