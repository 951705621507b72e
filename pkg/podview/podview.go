// SPDX-License-Identifier: Apache-2.0

// Package podview is the pod as the operator keeps it: the fields of a driver or
// executor pod that decisions need. The caches hold nothing else, and what reads a pod
// needs no client for it.
package podview

import (
	"slices"
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// Pod is as much of a driver or executor pod as the operator reads. A corev1.Pod
// has room for more than a hundred fields, which takes 1.2 KB where none of them is
// set; with tens of thousands of executors that room is what an operator's memory
// goes into. What is here has the meaning, and where possible the place, that it
// has in a corev1.Pod. A Pod is shared with the cache and never changed.
type Pod struct {
	Name            string
	Namespace       string
	UID             types.UID
	ResourceVersion string

	CreationTimestamp metav1.Time
	// DeletionTimestamp is the end of the grace period of a pod that is deleted; nil
	// if it is not.
	DeletionTimestamp          *metav1.Time
	DeletionGracePeriodSeconds *int64

	// ApplicationUID is that of the SparkApplication that controls the pod; empty if
	// none does, as with executors, which belong to their driver.
	ApplicationUID types.UID
	// DriverUID is that of the pod that controls this one, as its driver does an
	// executor; empty if none does.
	DriverUID types.UID
	// Controlled is set if anything controls the pod.
	Controlled bool
	// Allocated is set if what controls an executor is the set of pods from which its
	// driver takes executors (spark.kubernetes.allocation.pods.allocator).
	Allocated   bool
	Labels      Labels
	Annotations Annotations
	// Connect is set for the pods of a SparkConnect.
	Connect *Connect

	Spec   Spec
	Status Status
}

// Connect is what is read of the pods of a SparkConnect beyond what all pods have.
type Connect struct {
	// Name is that of the SparkConnect (v1alpha1.LabelConnectName).
	Name string
	// UID is that of the SparkConnect that controls the pod; empty if none does, as with
	// executors.
	UID types.UID
	// Ready is set while the pod is ready, and NotReady says why it is not.
	Ready    bool
	NotReady string
	// IP is the address of the pod; empty until it has one.
	IP string
	// UIPort is the port of the web UI of a server; 0 if its pod does not show it.
	UIPort int32
}

// Labels are the values of those labels of a pod that are read; empty without
// the label.
type Labels struct {
	Role                     string // v1beta2.LabelSparkRole
	AppName                  string // v1beta2.LabelSparkAppName
	SubmissionID             string // v1beta2.LabelSubmissionID
	SparkApplicationSelector string // v1beta2.LabelSparkApplicationSelector
	ExecutorID               string // v1beta2.LabelSparkExecutorID
	// LogArchive is set if v1beta2.LabelLogArchive is "true".
	LogArchive bool
}

// Annotations are those of a pod whose keys start with sparkoperator.k8s.io/. There
// are few of them, on drivers only, which is why this is no map.
type Annotations []Annotation

// Annotation is one of them.
type Annotation struct{ Key, Value string }

// Get returns the value of an annotation; empty without it.
func (a Annotations) Get(key string) string {
	for i := range a {
		if a[i].Key == key {
			return a[i].Value
		}
	}
	return ""
}

// Spec is where the pod runs, and in what.
type Spec struct {
	// NodeName is empty until a node was found.
	NodeName string
	// SparkContainer is the name of the container in which Spark runs; empty if the
	// pod does not show it. See [podspec.BuiltContainer].
	SparkContainer string
	// Driver is what the pod was made with to run a Spark driver; nil if it runs none.
	// Other than labels and owner references, this cannot be changed after its creation.
	Driver *Driver
	// Wanted is what a pod without node waits for; nil for others.
	Wanted *Wanted
	// Requests is what the scheduler reserves for the pod.
	Requests Requests
}

// Driver is by what a driver pod shows of which submission it is. No id follows from
// these for a driver that this operator did not make.
type Driver struct {
	// ConfigMap is the name of the ConfigMap with spark.properties.
	ConfigMap string
	// SubmissionID is the value of the variable v1beta2.EnvSubmissionID.
	SubmissionID string
	// ApplicationID is the id of the Spark application with which the pod was made.
	ApplicationID string
	// UIPort is the port of the web UI; 0 if the pod does not show it.
	UIPort int32
	// MilliCores is the CPU that the container of the driver requests.
	MilliCores int64
}

// Wanted is what has to happen before a pod gets a node.
type Wanted struct {
	// Scheduler is the name of the scheduler that has to find one.
	Scheduler string
	// Gates are the names of the scheduling gates, separated by commas.
	Gates string
	// NodeSelector is the selector of the pod as text; empty for none.
	NodeSelector string
}

// Status is how far the pod is.
type Status struct {
	// Started is when the kubelet accepted the pod, in Unix time; 0 before.
	Started int64
	// IP is the address of a driver pod of an application; empty until it has one.
	IP              string
	Phase           corev1.PodPhase
	Reason, Message string
	// Conditions are DisruptionTarget, and PodScheduled of pods that are pending.
	Conditions            []corev1.PodCondition
	InitContainerStatuses []ContainerStatus
	ContainerStatuses     []ContainerStatus
}

// ContainerStatus is how far a container is.
type ContainerStatus struct {
	Name, Image string
	// State and LastTerminationState come without the id of the container.
	State, LastTerminationState corev1.ContainerState
	RestartCount                int32
	// Sidecar is set for init containers that run beside the others, as restartPolicy
	// Always makes them.
	Sidecar bool
	// Started is set if the container runs and its start-up probe has succeeded.
	Started bool
}

// annotationPrefix is the prefix of those annotations of pods that are kept.
const annotationPrefix = "sparkoperator.k8s.io/"

// Of returns what is read of a pod. It shares no memory with it but texts, and
// texts that many pods have in common are kept once.
func Of(pod *corev1.Pod) *Pod {
	labels := Labels{
		Role:                     Intern(pod.Labels[v1beta2.LabelSparkRole]),
		AppName:                  pod.Labels[v1beta2.LabelSparkAppName],
		SubmissionID:             pod.Labels[v1beta2.LabelSubmissionID],
		SparkApplicationSelector: pod.Labels[v1beta2.LabelSparkApplicationSelector],
		ExecutorID:               pod.Labels[v1beta2.LabelSparkExecutorID],
		LogArchive:               pod.Labels[v1beta2.LabelLogArchive] == "true",
	}
	if labels.Role != v1beta2.SparkRoleDriver { // of which a submission has one only
		labels.AppName, labels.SubmissionID = Intern(labels.AppName), Intern(labels.SubmissionID)
		labels.SparkApplicationSelector = Intern(labels.SparkApplicationSelector)
	}
	return &Pod{
		Name:                       pod.Name,
		Namespace:                  Intern(pod.Namespace),
		UID:                        pod.UID,
		ResourceVersion:            pod.ResourceVersion,
		CreationTimestamp:          pod.CreationTimestamp,
		DeletionTimestamp:          pod.DeletionTimestamp.DeepCopy(),
		DeletionGracePeriodSeconds: clone(pod.DeletionGracePeriodSeconds),
		ApplicationUID:             controllingApplication(pod),
		DriverUID:                  controllingPod(pod),
		Controlled:                 metav1.GetControllerOfNoCopy(pod) != nil,
		Allocated:                  allocated(pod),
		Labels:                     labels,
		Annotations:                annotationsOf(pod),
		Connect:                    connectOf(pod),
		Spec: Spec{
			NodeName:       Intern(pod.Spec.NodeName),
			SparkContainer: Intern(podspec.BuiltContainer(&pod.Spec, podspec.RoleOf(labels.Role))),
			Driver:         driverOf(pod),
			Wanted:         wantedBy(pod),
			Requests:       requestsOf(pod),
		},
		Status: Status{
			Started:               startOf(pod),
			IP:                    driverIP(pod, labels.Role),
			Phase:                 Intern(pod.Status.Phase),
			Reason:                Intern(pod.Status.Reason),
			Message:               pod.Status.Message,
			Conditions:            conditionsOf(pod),
			InitContainerStatuses: containersOf(pod.Status.InitContainerStatuses, pod.Spec.InitContainers),
			ContainerStatuses:     containersOf(pod.Status.ContainerStatuses, nil),
		},
	}
}

// driverIP is empty for pods that are not asked for anything.
func driverIP(pod *corev1.Pod, role string) string {
	if role != v1beta2.SparkRoleDriver {
		return ""
	}
	return pod.Status.PodIP
}

// connectOf returns nil for pods that belong to no SparkConnect.
func connectOf(pod *corev1.Pod) *Connect {
	name := pod.Labels[v1alpha1.LabelConnectName]
	if name == "" {
		return nil
	}
	connect := &Connect{Name: Intern(name), IP: pod.Status.PodIP}
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil && owner.Kind == "SparkConnect" &&
		strings.HasPrefix(owner.APIVersion, v1alpha1.SchemeGroupVersion.Group+"/") {
		connect.UID = owner.UID
	}
	for i := range pod.Spec.Containers {
		if port := uiPort(&pod.Spec.Containers[i]); port != 0 {
			connect.UIPort = port
		}
	}
	for i := range pod.Status.Conditions {
		if condition := &pod.Status.Conditions[i]; condition.Type == corev1.PodReady {
			connect.Ready, connect.NotReady = condition.Status == corev1.ConditionTrue, condition.Message
		}
	}
	return connect
}

// controllingApplication is the UID of the SparkApplication that controls a pod, or
// empty.
func controllingApplication(pod *corev1.Pod) types.UID {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil || owner.Kind != "SparkApplication" || !strings.HasPrefix(owner.APIVersion, v1beta2.SchemeGroupVersion.Group+"/") {
		return ""
	}
	return owner.UID
}

// controllingPod is the UID of the pod that controls a pod, or empty.
func controllingPod(pod *corev1.Pod) types.UID {
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil && owner.Kind == "Pod" && owner.APIVersion == "v1" {
		return Intern(owner.UID)
	}
	return ""
}

// allocated reports whether a pod belongs to a set that Spark named after the
// application of the pod.
func allocated(pod *corev1.Pod) bool {
	owner, app := metav1.GetControllerOfNoCopy(pod), pod.Labels[v1beta2.LabelSparkApplicationSelector]
	if owner == nil || app == "" || owner.Kind != "StatefulSet" && owner.Kind != "ReplicaSet" {
		return false
	}
	return strings.HasPrefix(owner.Name, "spark-s-"+app+"-") || strings.HasPrefix(owner.Name, "spark-d-"+app+"-")
}

// confVolume is the volume with spark.properties, as Spark names it.
const confVolume = "spark-conf-volume-driver"

// envApplicationID is the variable with the id of the application, as Spark names it.
const envApplicationID = "SPARK_APPLICATION_ID"

// uiPort is the port of the web UI, which has that name in Spark; 0 if the container does not
// show it.
func uiPort(container *corev1.Container) int32 {
	for i := range container.Ports {
		if container.Ports[i].Name == "spark-ui" {
			return container.Ports[i].ContainerPort
		}
	}
	return 0
}

// driverOf returns nil unless a pod was made to run a Spark driver: the entry point of
// Spark's images is called with that word.
func driverOf(pod *corev1.Pod) *Driver {
	index := slices.IndexFunc(pod.Spec.Containers, func(container corev1.Container) bool {
		return slices.Contains(container.Args, v1beta2.SparkRoleDriver)
	})
	if index < 0 {
		return nil
	}
	container := &pod.Spec.Containers[index]
	driver := &Driver{UIPort: uiPort(container), MilliCores: container.Resources.Requests.Cpu().MilliValue()}
	for _, variable := range container.Env {
		switch variable.Name {
		case v1beta2.EnvSubmissionID:
			driver.SubmissionID = variable.Value
		case envApplicationID:
			driver.ApplicationID = variable.Value
		}
	}
	for i := range pod.Spec.Volumes {
		if source := pod.Spec.Volumes[i].ConfigMap; source != nil && pod.Spec.Volumes[i].Name == confVolume {
			driver.ConfigMap = source.Name
		}
	}
	return driver
}

func wantedBy(pod *corev1.Pod) *Wanted {
	if pod.Spec.NodeName != "" || pod.Status.Phase != corev1.PodPending && pod.Status.Phase != "" {
		return nil
	}
	gates := make([]string, len(pod.Spec.SchedulingGates))
	for i, gate := range pod.Spec.SchedulingGates {
		gates[i] = gate.Name
	}
	selector := make([]string, 0, len(pod.Spec.NodeSelector))
	for key, value := range pod.Spec.NodeSelector {
		selector = append(selector, key+"="+value)
	}
	slices.Sort(selector)
	return &Wanted{
		Scheduler:    Intern(pod.Spec.SchedulerName),
		Gates:        Intern(strings.Join(gates, ", ")),
		NodeSelector: Intern(strings.Join(selector, ", ")),
	}
}

func annotationsOf(pod *corev1.Pod) Annotations {
	var kept Annotations
	for key, value := range pod.Annotations {
		if strings.HasPrefix(key, annotationPrefix) {
			kept = append(kept, Annotation{Intern(key), value})
		}
	}
	slices.SortFunc(kept, func(a, b Annotation) int { return strings.Compare(a.Key, b.Key) })
	return slices.Clip(kept)
}

// conditionsOf keeps the conditions that say whether a pod finds a node, for as
// long as it looks for one, and whether the cluster ends it.
func conditionsOf(pod *corev1.Pod) []corev1.PodCondition {
	var kept []corev1.PodCondition
	for i := range pod.Status.Conditions {
		condition := pod.Status.Conditions[i]
		switch {
		case condition.Type == corev1.DisruptionTarget:
		case condition.Type == corev1.PodScheduled && (pod.Status.Phase == corev1.PodPending || pod.Status.Phase == ""):
		default:
			continue
		}
		condition.Type, condition.Status, condition.Reason = Intern(condition.Type), Intern(condition.Status), Intern(condition.Reason)
		kept = append(kept, condition)
	}
	return slices.Clip(kept)
}

func containersOf(statuses []corev1.ContainerStatus, specs []corev1.Container) []ContainerStatus {
	if len(statuses) == 0 {
		return nil
	}
	kept := make([]ContainerStatus, len(statuses))
	for i := range statuses {
		kept[i] = ContainerStatus{
			Name:                 Intern(statuses[i].Name),
			Image:                Intern(statuses[i].Image),
			State:                containerState(&statuses[i].State),
			LastTerminationState: containerState(&statuses[i].LastTerminationState),
			RestartCount:         statuses[i].RestartCount,
			Started:              statuses[i].Started != nil && *statuses[i].Started,
			Sidecar: slices.ContainsFunc(specs, func(spec corev1.Container) bool {
				return spec.Name == statuses[i].Name && spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
			}),
		}
	}
	return kept
}

func containerState(state *corev1.ContainerState) corev1.ContainerState {
	kept := *state.DeepCopy()
	if kept.Waiting != nil {
		kept.Waiting.Reason = Intern(kept.Waiting.Reason)
	}
	if kept.Terminated != nil {
		kept.Terminated.Reason, kept.Terminated.ContainerID = Intern(kept.Terminated.Reason), ""
	}
	return kept
}

// GetName makes a Pod something that caches and logs can name.
func (p *Pod) GetName() string { return p.Name }

// GetNamespace does, too.
func (p *Pod) GetNamespace() string { return p.Namespace }

// GetObjectMeta implements [metav1.ObjectMetaAccessor] for caches, which ask for
// the key and resource version, and for owner references to the pod.
func (p *Pod) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{
		Name:                       p.Name,
		Namespace:                  p.Namespace,
		UID:                        p.UID,
		ResourceVersion:            p.ResourceVersion,
		CreationTimestamp:          p.CreationTimestamp,
		DeletionTimestamp:          p.DeletionTimestamp,
		DeletionGracePeriodSeconds: p.DeletionGracePeriodSeconds,
	}
}

// Reference returns what events refer to the pod by.
func (p *Pod) Reference() *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: "v1", Kind: "Pod",
		Namespace: p.Namespace, Name: p.Name, UID: p.UID, ResourceVersion: p.ResourceVersion,
	}
}

// GetObjectKind implements [runtime.Object]. A Pod has no kind of its own and is
// not written to the API server.
func (p *Pod) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements [runtime.Object]. The detector of changes to cached
// objects needs it (KUBE_CACHE_MUTATION_DETECTOR).
func (p *Pod) DeepCopyObject() runtime.Object {
	copied := *p
	copied.DeletionTimestamp = p.DeletionTimestamp.DeepCopy()
	copied.DeletionGracePeriodSeconds = clone(p.DeletionGracePeriodSeconds)
	copied.Spec.Wanted = clone(p.Spec.Wanted)
	copied.Annotations = slices.Clone(p.Annotations)
	copied.Connect = clone(p.Connect)
	copied.Status.Conditions = slices.Clone(p.Status.Conditions)
	copied.Status.InitContainerStatuses = copyContainers(p.Status.InitContainerStatuses)
	copied.Status.ContainerStatuses = copyContainers(p.Status.ContainerStatuses)
	return &copied
}

func copyContainers(statuses []ContainerStatus) []ContainerStatus {
	copied := slices.Clone(statuses)
	for i := range copied {
		copied[i].State = *statuses[i].State.DeepCopy()
		copied[i].LastTerminationState = *statuses[i].LastTerminationState.DeepCopy()
	}
	return copied
}

func clone[T any](value *T) *T {
	if value == nil {
		return nil
	}
	copied := *value
	return &copied
}

// Intern returns the one copy of a text that occurs often. Copies are known until
// the next collection of garbage, so there is one for each collection at most.
func Intern[S ~string](text S) S { return unique.Make(text).Value() }

// Condition returns the condition of that type; nil without it.
func (p *Pod) Condition(kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// Ended reports whether all containers of the pod have ended for good.
func (p *Pod) Ended() bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}
