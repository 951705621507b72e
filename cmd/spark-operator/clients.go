// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

// clients are all API clients of the process. They share one connection.
type clients struct {
	kube     kubernetes.Interface
	spark    versioned.Interface
	dynamic  dynamic.Interface
	metadata metadata.Interface
	// events has a rate limit of its own, so that events never delay a status.
	events kubernetes.Interface
	// reviews check who scrapes the metrics.
	reviews reviewers
}

// newClients connects to the API server. With plain, all that is sent is JSON.
func newClients(config *rest.Config, plain bool) (*clients, error) {
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connection to the API server: %w", err)
	}
	// Kinds of Kubernetes itself have a binary encoding; CRDs do not.
	binary := rest.CopyConfig(config)
	binary.ContentType = runtime.ContentTypeProtobuf
	if plain {
		binary.ContentType = runtime.ContentTypeJSON
	}
	binary.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON

	all := &clients{}
	if all.kube, err = kubernetes.NewForConfigAndClient(binary, httpClient); err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	if all.events, err = kubernetes.NewForConfigAndClient(binary, httpClient); err != nil {
		return nil, fmt.Errorf("events client: %w", err)
	}
	if all.reviews, err = newReviewers(binary, httpClient); err != nil {
		return nil, err
	}
	if all.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(binary), httpClient); err != nil {
		return nil, fmt.Errorf("metadata client: %w", err)
	}
	if all.dynamic, err = dynamic.NewForConfigAndClient(dynamic.ConfigFor(config), httpClient); err != nil {
		return nil, fmt.Errorf("dynamic client: %w", err)
	}
	if all.spark, err = informers.NewClient(config, httpClient); err != nil {
		return nil, err
	}
	return all, nil
}
