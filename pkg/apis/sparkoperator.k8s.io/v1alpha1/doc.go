// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is version v1alpha1 of the API group sparkoperator.k8s.io.
//
// Field names and states are those of kubeflow/spark-operator 2.5, so that its
// manifests and clients work unchanged. The additional fields of this operator are
// optional.
//
// +k8s:deepcopy-gen=package
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=com.github.spark-operator.spark-operator.pkg.apis.sparkoperator.k8s.io.v1alpha1
// +groupName=sparkoperator.k8s.io
package v1alpha1
