// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
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

// StoredKB returns how many kilobytes etcd keeps in a namespace, by kind: the
// objects in their stored encoding, with field ownership, without etcd's own
// overhead and history.
func (p *Plane) StoredKB(ctx context.Context, namespace string) (map[string]float64, error) {
	client, err := kubernetes.NewForConfig(p.Config(Person))
	if err != nil {
		return nil, fmt.Errorf("client of the sizes: %w", err)
	}
	sizes := map[string]float64{}
	for _, kind := range stored {
		body, err := client.RESTClient().Get().AbsPath(fmt.Sprintf(kind.path, namespace)).SetHeader("Accept", kind.encoding).DoRaw(ctx)
		if err != nil {
			return nil, fmt.Errorf("size of every %s: %w", kind.name, err)
		}
		if kind.encoding == runtime.ContentTypeJSON && !json.Valid(body) || kind.encoding == runtime.ContentTypeProtobuf && !strings.HasPrefix(string(body), "k8s\x00") {
			return nil, fmt.Errorf("size of every %s: not %s: %.100q", kind.name, kind.encoding, body)
		}
		sizes[kind.name] = float64(len(body)) / 1024
	}
	return sizes, nil
}
