// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// switches are all differences between Spark versions that concern the
// submission, apart from the wording of configuration errors, the units of
// memory and defaults, which package sparkconf knows. To support a new version,
// record its client as testdata/README.md describes, compare it with its
// predecessor, and add a line here for each difference.
type switches struct {
	// Names.
	dropsLeadingDash   bool // of the resource name prefix
	replacesFirstDigit bool // of the resource name prefix, by an x

	// Arguments.
	mesos                bool // is named among the masters
	strictKubernetesURL  bool // a master "k8s:host" is no Kubernetes master at all
	refusesRemote        bool // --remote and spark.remote exist
	refusesConnectServer bool // as the main class
	connectServerYARN    bool // the same with the text of 4.2
	connectShell         bool // connect-shell is one of the shells
	keepsSubmitTime      bool // of the user

	// Driver pod.
	appIDInLabels                   bool // {{APP_ID}} in driver labels
	versionInImage                  bool // {{SPARK_VERSION}} in the image
	minMemoryOverhead               bool // spark.driver.minMemoryOverhead
	connectPort                     bool // port spark-connect of pod and service
	privilegeEscalation             bool // the container's securityContext is set
	proxyUserBeforeEnv              bool // for SPARK_USER
	checksPythonVersion             bool // spark.kubernetes.pyspark.pythonVersion
	excludesFeatureSteps            bool // spark.kubernetes.driver.pod.excludedFeatureSteps
	volcanoStep                     bool // is part of the distribution
	refusesTemplateInOtherNamespace bool
	templateNumbers                 bool // plain scalars of template files may be numbers where text belongs; merge keys
	templateWords                   bool // yes, no, on and off are booleans in template files

	// Volumes.
	volumeExtras bool // subPathExpr, hostPath type, labels and annotations of claims, the least size
	claimModeKey bool // spark.kubernetes.legacy.useReadWriteOnceAccessMode

	// Other objects.
	serviceIPFamilies       bool
	serviceLabels           bool
	servicePublishNotReady  bool // spark.kubernetes.driver.service.publishNotReadyAddresses
	serviceAppProtocol      bool // grpc on the port spark-connect (SPARK-56275)
	networkPolicy           bool // around the executors (SPARK-55653)
	executorHadoopConfigMap bool // property spark.kubernetes.executor.hadoopConfigMapName
	boundedConfigMapSize    bool // spark.kubernetes.configMap.maxSize has an upper bound
	strictUTF8              bool // files that are not UTF-8 are refused, not repaired
	nioFileErrors           bool // a missing file is reported by its name alone
}

func switchesOf(v sparkconf.Version) switches {
	if oldest := sparkconf.OldestRelease(); v.CompareMinor(oldest) < 0 {
		v = oldest
	}
	return switches{
		dropsLeadingDash:   v.AtLeastPatch(3, 3, 2),
		replacesFirstDigit: v.AtLeastPatch(3, 3, 3),

		mesos:                !v.AtLeast(4, 0),
		strictKubernetesURL:  v.AtLeast(4, 1),
		refusesRemote:        v.AtLeast(3, 4),
		refusesConnectServer: v.AtLeast(3, 4),
		connectServerYARN:    v.AtLeast(4, 2),
		connectShell:         v.AtLeast(4, 0),
		keepsSubmitTime:      v.AtLeast(3, 5),

		appIDInLabels:        v.AtLeast(4, 0),
		versionInImage:       v.AtLeast(4, 1),
		minMemoryOverhead:    v.AtLeast(4, 0),
		connectPort:          v.AtLeast(4, 1),
		privilegeEscalation:  v.AtLeast(4, 3),
		proxyUserBeforeEnv:   v.AtLeast(4, 3),
		checksPythonVersion:  !v.AtLeast(4, 1),
		excludesFeatureSteps: v.AtLeast(4, 1),
		volcanoStep:          v.AtLeast(4, 2),

		refusesTemplateInOtherNamespace: !v.AtLeast(3, 4),
		templateNumbers:                 !v.AtLeast(3, 5),
		templateWords:                   !v.AtLeast(3, 4),

		volumeExtras: v.AtLeast(4, 0),
		claimModeKey: v.AtLeastPatch(3, 4, 3) && !(v.AtLeast(3, 5) && !v.AtLeastPatch(3, 5, 1)),

		serviceIPFamilies:       v.AtLeast(3, 4),
		serviceLabels:           v.AtLeast(3, 4),
		servicePublishNotReady:  v.AtLeast(4, 3),
		serviceAppProtocol:      v.AtLeast(4, 2),
		networkPolicy:           v.AtLeast(4, 2),
		executorHadoopConfigMap: v.AtLeast(3, 5),
		boundedConfigMapSize:    v.AtLeastPatch(3, 3, 2),
		strictUTF8:              v.AtLeast(4, 1),
		nioFileErrors:           v.AtLeast(4, 1),
	}
}

// versionWarning describes how an unknown version is submitted.
func versionWarning(v sparkconf.Version) string {
	oldest, newest := sparkconf.OldestRelease(), sparkconf.NewestRelease()
	switch {
	case v.CompareMinor(oldest) < 0:
		return fmt.Sprintf("Spark %s is older than %s: submitted as %s", v, oldest.Minor(), oldest.Minor())
	case v.CompareMinor(newest) > 0:
		return fmt.Sprintf("Spark %s is newer than %s: submitted as %s", v, newest.Minor(), newest.Minor())
	}
	return ""
}

// withoutAdditions leaves out what only newer versions have and what changes how the
// driver runs or who reaches it. A version that is a guess must not bring it.
func (s switches) withoutAdditions() switches {
	s.connectPort, s.serviceAppProtocol = false, false
	s.privilegeEscalation = false
	s.networkPolicy = false
	return s
}
