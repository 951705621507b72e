// SPDX-License-Identifier: Apache-2.0

package sparkconf

// Property keys are named after Spark's own constants
// (org.apache.spark.internal.config, org.apache.spark.deploy.k8s.Config). A name
// that ends in Prefix stands for a family of keys.

// Application and submission.
const (
	AppID                 = "spark.app.id"
	AppName               = "spark.app.name"
	AppSubmitTime         = "spark.app.submitTime"
	Master                = "spark.master"
	Remote                = "spark.remote"
	LocalConnect          = "spark.local.connect"
	SubmitDeployMode      = "spark.submit.deployMode"
	Home                  = "spark.home"
	Jars                  = "spark.jars"
	Files                 = "spark.files"
	Archives              = "spark.archives"
	SubmitPythonFiles     = "spark.submit.pyFiles"
	JarPackages           = "spark.jars.packages"
	JarPackagesExclusions = "spark.jars.excludes"
	JarRepositories       = "spark.jars.repositories"
	JarIvySettings        = "spark.jars.ivySettings"
)

// Driver, executors and their resources.
const (
	DriverHost                   = "spark.driver.host"
	DriverPort                   = "spark.driver.port"
	DriverBindAddress            = "spark.driver.bindAddress"
	DriverBlockManagerPort       = "spark.driver.blockManager.port"
	BlockManagerPort             = "spark.blockManager.port"
	UIPort                       = "spark.ui.port"
	ConnectGRPCBindingPort       = "spark.connect.grpc.binding.port"
	DriverCores                  = "spark.driver.cores"
	DriverMemory                 = "spark.driver.memory"
	DriverMemoryOverhead         = "spark.driver.memoryOverhead"
	DriverMemoryOverheadFactor   = "spark.driver.memoryOverheadFactor"
	DriverMinMemoryOverhead      = "spark.driver.minMemoryOverhead"
	DriverResourcePrefix         = "spark.driver.resource."
	DriverJavaOptions            = "spark.driver.extraJavaOptions"
	DriverClassPath              = "spark.driver.extraClassPath"
	DriverLibraryPath            = "spark.driver.extraLibraryPath"
	ExecutorCores                = "spark.executor.cores"
	ExecutorMemory               = "spark.executor.memory"
	ExecutorMemoryOverhead       = "spark.executor.memoryOverhead"
	ExecutorMemoryOverheadFactor = "spark.executor.memoryOverheadFactor"
	ExecutorMinMemoryOverhead    = "spark.executor.minMemoryOverhead"
	ExecutorPysparkMemory        = "spark.executor.pyspark.memory"
	ExecutorInstances            = "spark.executor.instances"
	ExecutorJavaOptions          = "spark.executor.extraJavaOptions"
	ExecutorEnvPrefix            = "spark.executorEnv."
	ExecutorResourcePrefix       = "spark.executor.resource."
	CoresMax                     = "spark.cores.max"
	DynamicAllocationEnabled     = "spark.dynamicAllocation.enabled"
	LocalDir                     = "spark.local.dir"
	PysparkPython                = "spark.pyspark.python"
	PysparkDriverPython          = "spark.pyspark.driver.python"
	MemoryOffHeapEnabled         = "spark.memory.offHeap.enabled"
	MemoryOffHeapSize            = "spark.memory.offHeap.size"
	Keytab                       = "spark.kerberos.keytab"
	Principal                    = "spark.kerberos.principal"
	HadoopSecurityAuthentication = "spark.hadoop.hadoop.security.authentication"
)

// The event log.
const (
	EventLogEnabled  = "spark.eventLog.enabled"
	EventLogDir      = "spark.eventLog.dir"
	EventLogRolling  = "spark.eventLog.rolling.enabled"
	EventLogCompress = "spark.eventLog.compress"
)

// Kubernetes: the submission.
const (
	KubernetesNamespace         = "spark.kubernetes.namespace"
	KubernetesContext           = "spark.kubernetes.context"
	KubernetesTrustCertificates = "spark.kubernetes.trust.certificates"
	SubmissionRequestTimeout    = "spark.kubernetes.submission.requestTimeout"
	SubmissionConnectionTimeout = "spark.kubernetes.submission.connectionTimeout"
	WaitForAppCompletion        = "spark.kubernetes.submission.waitAppCompletion"
	FileUploadPath              = "spark.kubernetes.file.upload.path"
	ConfigMapMaxSize            = "spark.kubernetes.configMap.maxSize"
	AuthSubmissionPrefix        = "spark.kubernetes.authenticate.submission."
	AuthDriverPrefix            = "spark.kubernetes.authenticate.driver."
	AuthDriverMountedPrefix     = "spark.kubernetes.authenticate.driver.mounted."
	DriverServiceAccountName    = "spark.kubernetes.authenticate.driver.serviceAccountName"
	ExecutorServiceAccountName  = "spark.kubernetes.authenticate.executor.serviceAccountName"
	SubmitInDriver              = "spark.kubernetes.submitInDriver"
	ResourceType                = "spark.kubernetes.resource.type"
	PysparkMajorPythonVersion   = "spark.kubernetes.pyspark.pythonVersion"
)

// Kubernetes: the driver pod.
const (
	ContainerImage                   = "spark.kubernetes.container.image"
	DriverContainerImage             = "spark.kubernetes.driver.container.image"
	ExecutorContainerImage           = "spark.kubernetes.executor.container.image"
	ContainerImagePullPolicy         = "spark.kubernetes.container.image.pullPolicy"
	ImagePullSecrets                 = "spark.kubernetes.container.image.pullSecrets"
	DriverPodName                    = "spark.kubernetes.driver.pod.name"
	DriverLabelPrefix                = "spark.kubernetes.driver.label."
	DriverAnnotationPrefix           = "spark.kubernetes.driver.annotation."
	DriverEnvPrefix                  = "spark.kubernetes.driverEnv."
	NodeSelectorPrefix               = "spark.kubernetes.node.selector."
	DriverNodeSelectorPrefix         = "spark.kubernetes.driver.node.selector."
	DriverRequestCores               = "spark.kubernetes.driver.request.cores"
	DriverLimitCores                 = "spark.kubernetes.driver.limit.cores"
	MemoryOverheadFactor             = "spark.kubernetes.memoryOverheadFactor"
	SchedulerName                    = "spark.kubernetes.scheduler.name"
	DriverSchedulerName              = "spark.kubernetes.driver.scheduler.name"
	ExecutorSchedulerName            = "spark.kubernetes.executor.scheduler.name"
	AllowPrivilegeEscalation         = "spark.kubernetes.securityContext.allowPrivilegeEscalation"
	DriverAllowPrivilegeEscalation   = "spark.kubernetes.driver.securityContext.allowPrivilegeEscalation"
	DriverSecretsPrefix              = "spark.kubernetes.driver.secrets."
	DriverSecretKeyRefPrefix         = "spark.kubernetes.driver.secretKeyRef."
	DriverVolumesPrefix              = "spark.kubernetes.driver.volumes."
	LegacyUseReadWriteOnceAccessMode = "spark.kubernetes.legacy.useReadWriteOnceAccessMode"
	LocalDirsTmpfs                   = "spark.kubernetes.local.dirs.tmpfs"
	DriverPodTemplateFile            = "spark.kubernetes.driver.podTemplateFile"
	DriverPodTemplateContainerName   = "spark.kubernetes.driver.podTemplateContainerName"
	DriverPodFeatureSteps            = "spark.kubernetes.driver.pod.featureSteps"
	DriverPodExcludedFeatureSteps    = "spark.kubernetes.driver.pod.excludedFeatureSteps"
)

// Kubernetes: the other objects of a submission.
const (
	DriverServiceLabelPrefix              = "spark.kubernetes.driver.service.label."
	DriverServiceAnnotationPrefix         = "spark.kubernetes.driver.service.annotation."
	DriverServiceIPFamilyPolicy           = "spark.kubernetes.driver.service.ipFamilyPolicy"
	DriverServiceIPFamilies               = "spark.kubernetes.driver.service.ipFamilies"
	DriverServicePublishNotReadyAddresses = "spark.kubernetes.driver.service.publishNotReadyAddresses"
	DriverServiceDeleteOnTermination      = "spark.kubernetes.driver.service.deleteOnTermination"
	HadoopConfigMapName                   = "spark.kubernetes.hadoop.configMapName"
	ExecutorHadoopConfigMapName           = "spark.kubernetes.executor.hadoopConfigMapName"
	KerberosKrb5Path                      = "spark.kubernetes.kerberos.krb5.path"
	KerberosKrb5ConfigMapName             = "spark.kubernetes.kerberos.krb5.configMapName"
	KerberosTokenSecretName               = "spark.kubernetes.kerberos.tokenSecret.name"
	KerberosTokenSecretItemKey            = "spark.kubernetes.kerberos.tokenSecret.itemKey"
	PodGroupTemplateFile                  = "spark.kubernetes.scheduler.volcano.podGroupTemplateFile"
	PodGroupTemplateJSON                  = "spark.kubernetes.scheduler.volcano.podGroupTemplateJson"
)

// Kubernetes: executors.
const (
	ExecutorPodTemplateFile          = "spark.kubernetes.executor.podTemplateFile"
	ExecutorPodTemplateContainerName = "spark.kubernetes.executor.podTemplateContainerName"
	ExecutorPodFeatureSteps          = "spark.kubernetes.executor.pod.featureSteps"
	ExecutorPodNamePrefix            = "spark.kubernetes.executor.podNamePrefix"
	ExecutorLabelPrefix              = "spark.kubernetes.executor.label."
	ExecutorAnnotationPrefix         = "spark.kubernetes.executor.annotation."
	ExecutorNodeSelectorPrefix       = "spark.kubernetes.executor.node.selector."
	ExecutorSecretsPrefix            = "spark.kubernetes.executor.secrets."
	ExecutorSecretKeyRefPrefix       = "spark.kubernetes.executor.secretKeyRef."
	ExecutorVolumesPrefix            = "spark.kubernetes.executor.volumes."
	ExecutorRequestCores             = "spark.kubernetes.executor.request.cores"
	ExecutorLimitCores               = "spark.kubernetes.executor.limit.cores"
	ExecutorDeleteOnTermination      = "spark.kubernetes.executor.deleteOnTermination"
)
