// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/scheme"
	typedv1alpha1 "github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/typed/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/decode"
)

// NewClient returns the typed client of this API group. It differs from the
// generated constructor in how it decodes: an object that does not fit the Go
// types is replaced by a stub with its metadata and status (see [DecodeError]),
// in lists and watches as well as in answers to reads and writes.
//
// The CRD cannot keep such objects out: the pod templates have no schema, and
// some types, such as quantities, accept less than their schema.
func NewClient(config *rest.Config, httpClient *http.Client) (versioned.Interface, error) {
	clients := make(map[schema.GroupVersion]rest.Interface, 2)
	for _, version := range []schema.GroupVersion{v1beta2.SchemeGroupVersion, v1alpha1.SchemeGroupVersion} {
		c := rest.CopyConfig(config)
		c.APIPath = "/apis"
		c.GroupVersion = &version
		c.NegotiatedSerializer = tolerantSerializer{
			rest.CodecFactoryForGeneratedClient(scheme.Scheme, scheme.Codecs).WithoutConversion(),
		}
		client, err := rest.RESTClientForConfigAndClient(c, httpClient)
		if err != nil {
			return nil, fmt.Errorf("client of %s: %w", version, err)
		}
		clients[version] = client
	}
	return clientset{versioned.New(clients[v1beta2.SchemeGroupVersion]), typedv1alpha1.New(clients[v1alpha1.SchemeGroupVersion])}, nil
}

// clientset has a client for each version: a client has the version in its path.
type clientset struct {
	versioned.Interface
	v1alpha1 typedv1alpha1.SparkoperatorV1alpha1Interface
}

// SparkoperatorV1alpha1 implements [versioned.Interface].
func (c clientset) SparkoperatorV1alpha1() typedv1alpha1.SparkoperatorV1alpha1Interface {
	return c.v1alpha1
}

// isOurs reports whether objects are of a version of this API group.
func isOurs(version string) bool {
	return version == v1beta2.SchemeGroupVersion.String() || version == v1alpha1.SchemeGroupVersion.String()
}

// tolerantSerializer wraps the decoders of a client. Lists, single objects and
// the objects in watch events all pass through DecoderToVersion.
type tolerantSerializer struct{ runtime.NegotiatedSerializer }

func (s tolerantSerializer) DecoderToVersion(d runtime.Decoder, gv runtime.GroupVersioner) runtime.Decoder {
	return tolerantDecoder{s.NegotiatedSerializer.DecoderToVersion(d, gv)}
}

// tolerantDecoder decodes as usual; only when that fails, or would take too much, it
// looks at each object on its own.
type tolerantDecoder struct{ runtime.Decoder }

func (d tolerantDecoder) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	if len(data) > largeDocument || decode.CountValues(data).TooMany() { // before it costs anything
		meta := typeOf(data)
		if isOurs(meta.APIVersion) {
			if tolerated := decodeTolerantly(data, meta.Kind, into); tolerated != nil {
				gvk := meta.GroupVersionKind()
				return tolerated, &gvk, nil
			}
		}
	}
	object, kind, err := d.Decoder.Decode(data, defaults, into)
	if err == nil {
		return object, kind, nil
	}
	meta := typeOf(data)
	if !isOurs(meta.APIVersion) {
		return object, kind, err
	}
	tolerated := decodeTolerantly(data, meta.Kind, into)
	if tolerated == nil {
		return object, kind, err
	}
	gvk := meta.GroupVersionKind()
	return tolerated, &gvk, nil
}

// largeDocument is from how many bytes on an object is not decoded in the usual way first:
// that reads it twice more.
const largeDocument = 256 << 10

// typeOf returns the type of an object, as far as it is text.
func typeOf(data []byte) (meta metav1.TypeMeta) {
	outer := decode.Fields(data)
	if decodeJSON(outer["apiVersion"], &meta.APIVersion) != nil || decodeJSON(outer["kind"], &meta.Kind) != nil {
		return metav1.TypeMeta{}
	}
	return meta
}

// decodeTolerantly decodes what could not be decoded as a whole, into into if it
// is of the right type. It returns nil if it cannot help.
func decodeTolerantly(data []byte, kind string, into runtime.Object) runtime.Object {
	switch kind {
	case "SparkApplication":
		return decodeOne(data, orNew[v1beta2.SparkApplication](into), &v1beta2.SparkApplication{})
	case "ScheduledSparkApplication":
		return decodeOne(data, orNew[v1beta2.ScheduledSparkApplication](into), &v1beta2.ScheduledSparkApplication{})
	case "SparkConnect":
		return decodeOne(data, orNew[v1alpha1.SparkConnect](into), &v1alpha1.SparkConnect{})
	case "SparkConnectList":
		list := orNew[v1alpha1.SparkConnectList](into)
		*list = v1alpha1.SparkConnectList{}
		if decodeList(data, &list.TypeMeta, &list.ListMeta, &list.Items) != nil {
			return nil
		}
		return list
	case "SparkApplicationList":
		list := orNew[v1beta2.SparkApplicationList](into)
		*list = v1beta2.SparkApplicationList{}
		if decodeList(data, &list.TypeMeta, &list.ListMeta, &list.Items) != nil {
			return nil
		}
		return list
	case "ScheduledSparkApplicationList":
		list := orNew[v1beta2.ScheduledSparkApplicationList](into)
		*list = v1beta2.ScheduledSparkApplicationList{}
		if decodeList(data, &list.TypeMeta, &list.ListMeta, &list.Items) != nil {
			return nil
		}
		return list
	}
	return nil
}

// orNew returns into if it is a *T, else a new T.
func orNew[T any](into runtime.Object) *T {
	if typed, ok := any(into).(*T); ok {
		return typed
	}
	return new(T)
}
