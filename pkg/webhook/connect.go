// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/decode"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// server is what the webhook reads of a SparkConnect.
type server struct {
	Metadata metav1.ObjectMeta         `json:"metadata"`
	Spec     v1alpha1.SparkConnectSpec `json:"spec"`
}

// validateConnect refuses servers that cannot be started and warns about what has no effect.
func validateConnect(request *admissionv1.AdmissionRequest) answer {
	return validate(request, func(raw []byte) verdict {
		var given server
		unknown, err := decode.Strict(raw, &given)
		if err != nil {
			return verdict{undecodable: err.Error()}
		}
		connect := &v1alpha1.SparkConnect{ObjectMeta: given.Metadata, Spec: given.Spec}
		name(&connect.ObjectMeta, request.Namespace)
		found := faults(unknown, validation.ValidateSparkConnect(connect))
		var warnings []string
		if len(found) == 0 {
			found, warnings = submission(validation.ConnectStart(connect))
		}
		return verdict{
			deleted: connect.DeletionTimestamp != nil,
			faults:  found,
			warn:    func() []string { return warnings },
		}
	})
}
