// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// gateway is as much of etcd's JSON gateway as copying needs.
type gateway struct {
	lock   sync.Mutex
	values map[string][]byte
	most   int // operations in one transaction
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.lock.Lock()
	defer g.lock.Unlock()
	var question struct {
		Key      string // base64
		RangeEnd string `json:"range_end"`
		Limit    int
		Success  []struct {
			Put pair `json:"request_put"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch r.URL.Path {
	case "/v3/kv/range":
		from, _ := base64.StdEncoding.DecodeString(question.Key)
		end, _ := base64.StdEncoding.DecodeString(question.RangeEnd)
		found := []pair{}
		for key, value := range g.values {
			if key >= string(from) && key < string(end) {
				found = append(found, pair{[]byte(key), value})
			}
		}
		slices.SortFunc(found, func(a, b pair) int { return bytes.Compare(a.Key, b.Key) })
		more := len(found) > question.Limit
		_ = json.NewEncoder(w).Encode(map[string]any{"kvs": found[:min(len(found), question.Limit)], "more": more})
	case "/v3/kv/txn":
		g.most = max(g.most, len(question.Success))
		for _, operation := range question.Success {
			g.values[string(operation.Put.Key)] = operation.Put.Value
		}
		fmt.Fprintln(w, "{}")
	default:
		http.NotFound(w, r)
	}
}

func newGateway(t *testing.T) (*gateway, etcd) {
	g := &gateway{values: map[string][]byte{}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return g, etcd{url: server.URL, client: server.Client()}
}

func storedPod(t *testing.T, name string, uid, owner types.UID) []byte {
	t.Helper()
	var value bytes.Buffer
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "ns", UID: uid, OwnerReferences: []metav1.OwnerReference{{Name: "app-0", UID: owner}},
		},
	}
	if err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Encode(pod, &value); err != nil {
		t.Fatal(err)
	}
	return value.Bytes()
}

const (
	appUID = "aaaaaaaa-0000-4000-8000-000000000000"
	podUID = "bbbbbbbb-0000-4000-8000-000000000000"
)

func TestCopies(t *testing.T) {
	const count = 2*rangePage + 50
	g, e := newGateway(t)
	g.values["/registry/pods/ns/app-0000-driver"] = storedPod(t, "app-0000-driver", podUID, appUID)
	g.values["/registry/pods/nt/other"] = storedPod(t, "other", podUID, appUID)
	g.values["/registry/sparkoperator.k8s.io/sparkapplications/ns/app-0000"] = []byte(`{"metadata":{"name":"app-0000","uid":"` + appUID + `"}}`)
	group, err := e.group(t.Context(), "ns")
	if err != nil {
		t.Fatal(err)
	}
	err = e.copies(t.Context(), group, count, func(n int) []string { return []string{"app-0000", fmt.Sprintf("app-%04d", n+1)} })
	if err != nil {
		t.Fatal(err)
	}
	all, err := e.group(t.Context(), "ns")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.values) != 2*(count+1)+1 || len(all.objects) != 2*(count+1) {
		t.Fatalf("%d objects in all, %d in the namespace", len(g.values), len(all.objects))
	}
	if g.most > transactionObjects {
		t.Errorf("%d operations in one transaction", g.most)
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(all.uids))); len(distinct) != len(all.uids) {
		t.Errorf("%d UIDs of %d objects", len(distinct), len(all.uids))
	}
	// A pod is whole, and owned by the application of its copy.
	var app metav1.PartialObjectMetadata
	if err := json.Unmarshal(g.values["/registry/sparkoperator.k8s.io/sparkapplications/ns/app-0007"], &app); err != nil {
		t.Fatal(err)
	}
	decoded, _, err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Decode(g.values["/registry/pods/ns/app-0007-driver"], nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pod, ok := decoded.(*corev1.Pod)
	if !ok || pod.Name != "app-0007-driver" || pod.UID == podUID || app.UID == appUID || pod.OwnerReferences[0].UID != app.UID {
		t.Errorf("application %+v, pod %+v", app, decoded)
	}
}

func TestCopiesAreRefused(t *testing.T) {
	g, e := newGateway(t)
	if _, err := e.group(t.Context(), "ns"); err == nil || !strings.Contains(err.Error(), "nothing to copy") {
		t.Errorf("of an empty namespace: %v", err)
	}
	g.values["/registry/pods/ns/a"] = storedPod(t, "a", podUID, appUID)
	group, err := e.group(t.Context(), "ns")
	if err != nil {
		t.Fatal(err)
	}
	for want, names := range map[string][]string{"differ in length": {"a", "bc"}, "no other name": {"x", "y"}} {
		err := e.copies(t.Context(), group, 10, func(int) []string { return slices.Clone(names) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v instead of %q", err, want)
		}
	}
	if len(g.values) != 1 {
		t.Errorf("%d objects", len(g.values))
	}
}
