// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"encoding/json"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// Unkept remembers the statuses of which the API server keeps less than it was sent,
// because the CRD that is installed lacks fields. As long as an object has the status
// that was kept, the one that was sent takes its place. What it remembers ends with the
// process. The zero value is ready for use, concurrent use as well.
type Unkept[S any] struct {
	lock sync.Mutex
	all  map[cache.ObjectName]unkept[S]
}

type unkept[S any] struct {
	uid        types.UID
	kept, sent *S
}

// Remember follows a write of the status sent to the object read, which is stored as written
// with the status kept. Loses says whether less was kept than was sent; otherwise nothing is
// remembered any more. It reports whether the next sync has to follow although no event will:
// the API server has none if it kept nothing new.
func (u *Unkept[S]) Remember(read, written metav1.Object, sent, kept *S, loses bool) (unseen bool, err error) {
	key := cache.MetaObjectToName(read)
	if !loses {
		u.Forget(key)
		return false, nil
	}
	changed, err := u.wrote(key, read.GetUID(), sent, kept)
	if err != nil {
		return false, fmt.Errorf("remember status: %w", err)
	}
	return changed && written.GetResourceVersion() == read.GetResourceVersion(), nil
}

// wrote records what was sent and what was kept of it. It reports whether what it remembers
// of the object is another status now. What was sent is remembered as it reads after a write.
func (u *Unkept[S]) wrote(key cache.ObjectName, uid types.UID, sent, kept *S) (changed bool, err error) {
	text, err := json.Marshal(sent)
	if err != nil {
		return false, err
	}
	read := new(S)
	if err := json.Unmarshal(text, read); err != nil {
		return false, err
	}
	u.lock.Lock()
	defer u.lock.Unlock()
	before, known := u.all[key]
	if u.all == nil {
		u.all = map[cache.ObjectName]unkept[S]{}
	}
	u.all[key] = unkept[S]{uid, kept, read}
	return !known || before.uid != uid || !equality.Semantic.DeepEqual(before.sent, read), nil
}

// Restored returns the status that was sent if status is what was kept of it, else nil.
// It is shared: copy before changing.
func (u *Unkept[S]) Restored(key cache.ObjectName, uid types.UID, status *S) *S {
	u.lock.Lock()
	defer u.lock.Unlock()
	last, known := u.all[key]
	if !known || last.uid != uid || !equality.Semantic.DeepEqual(last.kept, status) {
		return nil
	}
	return last.sent
}

// Forget drops what is remembered of an object; call it when it is gone.
func (u *Unkept[S]) Forget(key cache.ObjectName) {
	u.lock.Lock()
	defer u.lock.Unlock()
	delete(u.all, key)
}
