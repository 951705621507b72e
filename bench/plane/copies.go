// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// Group is objects that belong together, as etcd keeps them. Copies of it are
// written without the API server, which needs several milliseconds for each
// object: the very bytes that it has written, with other names and UIDs. It sees
// them as it sees what another API server writes.
type Group struct {
	objects []pair
	uids    []string
}

// groupResources are the resources whose objects are in a group, as etcd has them.
var groupResources = []string{"sparkoperator.k8s.io/sparkapplications", "pods", "configmaps"}

// Group reads the applications, pods and config maps of a namespace.
func (p *Plane) Group(ctx context.Context, namespace string) (*Group, error) {
	return p.etcd.group(ctx, namespace)
}

func (e etcd) group(ctx context.Context, namespace string) (*Group, error) {
	group := &Group{}
	for _, resource := range groupResources {
		pairs, err := e.pairs(ctx, "/registry/"+resource+"/"+namespace+"/")
		if err != nil {
			return nil, err
		}
		for _, pair := range pairs {
			uid, err := storedUID(pair.Value)
			if err != nil {
				return nil, fmt.Errorf("%s in etcd: %w", pair.Key, err)
			}
			group.objects, group.uids = append(group.objects, pair), append(group.uids, uid)
		}
	}
	if len(group.objects) == 0 {
		return nil, fmt.Errorf("nothing to copy in namespace %s", namespace)
	}
	return group, nil
}

// storedUID is the UID of an object in the encoding of etcd: binary for kinds of
// Kubernetes itself and JSON for custom resources.
func storedUID(value []byte) (string, error) {
	var object metav1.PartialObjectMetadata
	if !bytes.HasPrefix(value, []byte("k8s\x00")) {
		err := json.Unmarshal(value, &object)
		return string(object.UID), err
	}
	decoded, _, err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Decode(value, nil, nil)
	if err != nil {
		return "", err
	}
	accessor, err := meta.Accessor(decoded)
	if err != nil {
		return "", err
	}
	return string(accessor.GetUID()), nil
}

// Limits of one transaction, and how many copies are made at once.
const (
	transactionObjects = 100
	transactionBytes   = 1 << 20
	copiers            = 4
)

// Copies writes a group count times. Names returns for each copy which texts are
// replaced by which: old, new, old, new. Both have the same length, as the binary
// encoding has lengths in it. UIDs are replaced without being named. The API server
// is down meanwhile, and finds all when it starts.
func (p *Plane) Copies(ctx context.Context, group *Group, count int, names func(n int) []string) error {
	if err := p.env.KillAPIServer(); err != nil {
		return err
	}
	if err := p.etcd.copies(ctx, group, count, names); err != nil {
		return err
	}
	return p.env.StartAPIServer(ctx)
}

func (e etcd) copies(ctx context.Context, group *Group, count int, names func(n int) []string) error {
	workers, ctx := errgroup.WithContext(ctx)
	for copier := range copiers {
		workers.Go(func() error {
			t := &transaction{etcd: e}
			for n := copier; n < count; n += copiers {
				if err := t.copy(ctx, group, names(n)); err != nil {
					return err
				}
			}
			return t.commit(ctx)
		})
	}
	return workers.Wait()
}

// transaction is what is written to etcd together.
type transaction struct {
	etcd  etcd
	pairs []pair
	size  int
}

// copy adds a copy of a group.
func (t *transaction) copy(ctx context.Context, group *Group, names []string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, uid := range group.uids {
		names = append(names, uid, uuid.NewString())
	}
	for i := 0; i < len(names); i += 2 {
		if len(names[i]) != len(names[i+1]) {
			return fmt.Errorf("copy: %q and %q differ in length", names[i], names[i+1])
		}
	}
	replace := strings.NewReplacer(names...)
	for _, object := range group.objects {
		other := pair{Key: []byte(replace.Replace(string(object.Key))), Value: []byte(replace.Replace(string(object.Value)))}
		if bytes.Equal(other.Key, object.Key) {
			return fmt.Errorf("copy: no other name for %s", object.Key)
		}
		if len(t.pairs) == transactionObjects || t.size+len(other.Value) > transactionBytes {
			if err := t.commit(ctx); err != nil {
				return err
			}
		}
		t.pairs, t.size = append(t.pairs, other), t.size+len(other.Value)
	}
	return nil
}

// commit writes what was added.
func (t *transaction) commit(ctx context.Context) error {
	if len(t.pairs) == 0 || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := t.etcd.put(ctx, t.pairs)
	t.pairs, t.size = nil, 0
	return err
}
