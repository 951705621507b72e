// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// stored are the kinds of objects that an application leaves in etcd, with the
// encoding in which it keeps them.
var stored = []struct{ name, path, encoding string }{
	{"SparkApplication", "/apis/sparkoperator.k8s.io/v1beta2/namespaces/%s/sparkapplications", runtime.ContentTypeJSON},
	{"Pod", "/api/v1/namespaces/%s/pods", runtime.ContentTypeProtobuf},
	{"ConfigMap", "/api/v1/namespaces/%s/configmaps", runtime.ContentTypeProtobuf},
	{"Service", "/api/v1/namespaces/%s/services", runtime.ContentTypeProtobuf},
	{"Event", "/apis/events.k8s.io/v1/namespaces/%s/events", runtime.ContentTypeProtobuf},
}

// Stored is how many kilobytes etcd keeps of the objects of a kind: in their stored
// encoding, without etcd's own overhead and history. Ownership is the part of it
// that is field ownership (metadata.managedFields), which is JSON in either encoding.
type Stored struct{ KB, OwnershipKB float64 }

// StoredSizes returns what etcd keeps in a namespace, by kind.
func (p *Plane) StoredSizes(ctx context.Context, namespace string) (map[string]Stored, error) {
	client, err := kubernetes.NewForConfig(p.Config(Person))
	if err != nil {
		return nil, fmt.Errorf("client of the sizes: %w", err)
	}
	sizes := map[string]Stored{}
	for _, kind := range stored {
		path := fmt.Sprintf(kind.path, namespace)
		body, err := client.RESTClient().Get().AbsPath(path).SetHeader("Accept", kind.encoding).DoRaw(ctx)
		if err != nil {
			return nil, fmt.Errorf("size of every %s: %w", kind.name, err)
		}
		if kind.encoding == runtime.ContentTypeJSON && !json.Valid(body) || kind.encoding == runtime.ContentTypeProtobuf && !strings.HasPrefix(string(body), "k8s\x00") {
			return nil, fmt.Errorf("size of every %s: not %s: %.100q", kind.name, kind.encoding, body)
		}
		owned, err := ownershipBytes(ctx, client.RESTClient().Get().AbsPath(path))
		if err != nil {
			return nil, fmt.Errorf("field ownership of every %s: %w", kind.name, err)
		}
		sizes[kind.name] = Stored{KB: float64(len(body)) / 1024, OwnershipKB: float64(owned) / 1024}
	}
	return sizes, nil
}

// ownershipBytes adds up the field ownership of all objects that a request lists.
func ownershipBytes(ctx context.Context, request *rest.Request) (bytes int, err error) {
	body, err := request.SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").DoRaw(ctx)
	if err != nil {
		return 0, err
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(body, &list); err != nil {
		return 0, err
	}
	for i := range list.Items {
		owned, err := json.Marshal(list.Items[i].ManagedFields)
		if err != nil {
			return 0, err
		}
		bytes += len(owned)
	}
	return bytes, nil
}
