// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"testing"

	"k8s.io/client-go/tools/cache"
)

type fakeCache map[string]string

func (f fakeCache) LastSyncResourceVersion(namespace string) string { return f[namespace] }

func TestReadyWaitsForOwnWrites(t *testing.T) {
	apps, pods := fakeCache{"ns": "10"}, fakeCache{"ns": "10"}
	store := NewFreshness(map[CacheKind]Cache{0: apps, 1: pods})
	key, other := cache.NewObjectName("ns", "a"), cache.NewObjectName("ns", "b")

	if !store.Ready(key) {
		t.Error("not ready without any write")
	}
	store.Wrote(key, 0, "11")
	store.Wrote(key, 1, "12")
	if store.Ready(key) {
		t.Error("ready before the caches saw the writes")
	}
	if !store.Ready(other) {
		t.Error("another object waits for writes that do not concern it")
	}
	apps["ns"] = "11"
	if store.Ready(key) {
		t.Error("ready before the second cache saw its write")
	}
	pods["ns"] = "100" // a longer number, not a larger string
	if !store.Ready(key) {
		t.Error("not ready although both caches are ahead")
	}
	apps["ns"] = "1"
	if !store.Ready(key) {
		t.Error("writes that were seen once are not forgotten")
	}
}

func TestWroteKeepsTheLatest(t *testing.T) {
	apps := fakeCache{"ns": "15"}
	store := NewFreshness(map[CacheKind]Cache{0: apps})
	key := cache.NewObjectName("ns", "a")
	store.Wrote(key, 0, "20")
	store.Wrote(key, 0, "12")
	if store.Ready(key) {
		t.Error("an older write replaced a newer one")
	}
	store.Forget(key)
	if !store.Ready(key) {
		t.Error("not ready after Forget")
	}
}

func TestUnknownVersionsDoNotBlock(t *testing.T) {
	for name, versions := range map[string][2]string{
		"version unknown": {"", "20"},
		"cache is opaque": {"abc", "20"},
		"write is opaque": {"20", "abc"},
		"write is empty":  {"20", ""},
	} {
		store := NewFreshness(map[CacheKind]Cache{0: fakeCache{"ns": versions[0]}})
		key := cache.NewObjectName("ns", "a")
		store.Wrote(key, 0, versions[1])
		store.Wrote(key, 7, "99") // no such cache
		if !store.Ready(key) {
			t.Errorf("%s: blocked", name)
		}
	}
}
