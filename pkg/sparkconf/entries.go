// SPDX-License-Identifier: Apache-2.0

package sparkconf

// defaultValue returns the default of a declared entry, in the notation of its
// declaration. Only entries that the submission reads are known here; a
// reference to another entry that is not set stays literal.
func defaultValue(key string, version Version) (string, bool) {
	switch key {
	case DriverCores, ExecutorCores:
		return "1", true
	case DriverMemory, ExecutorMemory:
		return "1g", true
	case DriverMinMemoryOverhead, ExecutorMinMemoryOverhead:
		return "384m", version.AtLeast(4, 0)
	case DriverMemoryOverheadFactor, ExecutorMemoryOverheadFactor, MemoryOverheadFactor:
		return "0.1", true
	case UIPort:
		return "4040", true
	case DynamicAllocationEnabled, KubernetesTrustCertificates, LocalDirsTmpfs:
		return "false", true
	case KubernetesNamespace:
		return "default", true
	case ContainerImagePullPolicy:
		return "IfNotPresent", true
	case SubmissionRequestTimeout, SubmissionConnectionTimeout:
		return "10000", true
	case WaitForAppCompletion:
		return "true", true
	case ConfigMapMaxSize:
		// Lowered with the check of the upper bound, 3.3.2. Versions before 3.3 are
		// treated as its last release.
		if version.AtLeast(3, 3) && !version.AtLeastPatch(3, 3, 2) {
			return "1572864", true
		}
		return "1048576", true
	case DriverServiceIPFamilyPolicy:
		return "SingleStack", version.AtLeast(3, 4)
	case DriverServiceIPFamilies:
		return "IPv4", version.AtLeast(3, 4)
	case DriverServicePublishNotReadyAddresses, AllowPrivilegeEscalation:
		return "false", version.AtLeast(4, 3)
	case LegacyUseReadWriteOnceAccessMode:
		if version.AtLeast(4, 0) {
			return "false", true
		}
		return "true", version.AtLeastPatch(3, 4, 3) && version.Compare(Version{major: 3, minor: 5}) != 0
	}
	return "", false
}

// fallbackKey returns the entry that takes over when key is not set
// (ConfigBuilder.fallbackConf), or "".
func fallbackKey(key string) string {
	switch key {
	case DriverContainerImage, ExecutorContainerImage:
		return ContainerImage
	case DriverAllowPrivilegeEscalation:
		return AllowPrivilegeEscalation
	}
	return ""
}

// deprecatedKey returns the older key that SparkConf still reads in place of
// key, or "".
func deprecatedKey(key string) string {
	switch key {
	case DriverMemoryOverhead:
		return "spark.yarn.driver.memoryOverhead"
	case ExecutorMemoryOverhead:
		return "spark.yarn.executor.memoryOverhead"
	case Keytab:
		return "spark.yarn.keytab"
	case Principal:
		return "spark.yarn.principal"
	}
	return ""
}
