// SPDX-License-Identifier: Apache-2.0

package v1beta2

// History keeps the event log of each run. From it, a Spark history server shows the web
// UI of the run after the driver has ended. The event log has the properties
// spark.eventLog.*, and those in sparkConf take precedence.
// +kubebuilder:validation:XValidation:rule=`!has(self.claimName) || self.claimName.size() == 0 || has(self.dir) && self.dir.startsWith('file:///')`,message=`the claim is mounted at the path of dir; set dir to a URL such as file:///spark-events`,fieldPath=`.claimName`
// +kubebuilder:validation:XValidation:rule=`!has(self.dir) || self.dir.size() == 0 || self.dir.contains('${') || self.dir.matches('^[A-Za-z][A-Za-z0-9+.-]*:/') && !self.dir.matches('^(local|https?|ftp):|^file://[^/]')`,message=`must be an absolute URL of a file system to which Spark can write; use a URL such as s3a://bucket/spark-events, or file:///spark-events for a directory of a volume`,fieldPath=`.dir`
type History struct {
	// Whether the driver writes an event log. Default: true if dir is set or the operator has a default directory.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
	// URL of the directory of the event logs, such as s3a://bucket/spark-events or file:///spark-events. The directory
	// must exist. Default: the directory of the operator (flag --history-dir), with its claim.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Dir *string `json:"dir,omitempty"`
	// Name of a PersistentVolumeClaim that the driver mounts at the path of dir. The driver must be able to write to it:
	// see podSecurityContext.fsGroup of the driver. Default: no claim.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`
	ClaimName *string `json:"claimName,omitempty"`
}
