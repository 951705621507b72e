// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lateLister serves the kinds of a version from a moment on.
type lateLister struct {
	from  time.Time
	kinds []string
}

func (l lateLister) ServerResourcesForGroupVersion(string) (*metav1.APIResourceList, error) {
	if time.Now().Before(l.from) {
		return nil, errors.New("the server could not find the requested resource")
	}
	list := &metav1.APIResourceList{}
	for _, kind := range l.kinds {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: kind})
	}
	return list, nil
}

func TestServersAreReadOnceTheirCRDIsServed(t *testing.T) {
	for name, test := range map[string]struct {
		delay, want time.Duration
		kinds       []string
	}{
		"from the start":   {0, 0, []string{"sparkconnects/status", "sparkconnects"}},
		"after an upgrade": {45 * time.Second, 60 * time.Second, []string{"sparkconnects"}},
		"never":            {0, -1, []string{"others"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				begin, started := time.Now(), time.Duration(-1)
				startConnects(ctx, lateLister{begin.Add(test.delay), test.kinds}, func() { started = time.Since(begin) })
				if started != test.want {
					t.Errorf("started after %v, want %v", started, test.want)
				}
			})
		})
	}
}
