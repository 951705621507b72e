// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// events wake those that look at the Secret and the configurations when one of them
// changes. A missed event costs an interval.
type events struct {
	mu      sync.Mutex
	waiting map[chan struct{}]bool
}

func newEvents() *events { return &events{waiting: map[chan struct{}]bool{}} }

// watch follows the objects by name until ctx is done. It returns at once.
func (e *events) watch(ctx context.Context, config *Config) {
	named := func(name, namespace string) informers.SharedInformerFactory {
		return informers.NewSharedInformerFactoryWithOptions(config.Client, 0, informers.WithNamespace(namespace),
			informers.WithTweakListOptions(func(options *metav1.ListOptions) {
				options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
			}))
	}
	follow := func(factory informers.SharedInformerFactory, informer cache.SharedIndexInformer) {
		changed := cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { e.wake() }, UpdateFunc: func(any, any) { e.wake() }, DeleteFunc: func(any) { e.wake() },
		}
		if _, err := informer.AddEventHandler(changed); err != nil {
			klog.FromContext(ctx).Error(err, "Cannot follow an object of the webhook")
		}
		factory.StartWithContext(ctx)
	}
	secrets := named(config.Secret, config.Namespace)
	follow(secrets, secrets.Core().V1().Secrets().Informer())
	if name := config.MutatingConfiguration; name != "" {
		factory := named(name, metav1.NamespaceAll)
		follow(factory, factory.Admissionregistration().V1().MutatingWebhookConfigurations().Informer())
	}
	if name := config.ValidatingConfiguration; name != "" {
		factory := named(name, metav1.NamespaceAll)
		follow(factory, factory.Admissionregistration().V1().ValidatingWebhookConfigurations().Informer())
	}
}

func (e *events) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for waiting := range e.waiting {
		select {
		case waiting <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// each runs do at once, after every event and every interval, and soon again after a
// failure, until ctx is done.
func (e *events) each(ctx context.Context, clock clock.WithTicker, do func(context.Context) error) {
	changed := make(chan struct{}, 1)
	e.mu.Lock()
	e.waiting[changed] = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.waiting, changed)
	}()
	for ctx.Err() == nil {
		pause := interval
		if err := do(ctx); err != nil && ctx.Err() == nil {
			pause = retry
			if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) { // another replica was faster
				klog.FromContext(ctx).Error(err, "The certificate needs another try")
			}
		}
		timer := clock.NewTimer(pause)
		select {
		case <-changed:
		case <-timer.C():
		case <-ctx.Done():
		}
		timer.Stop()
		if pause == retry { // events do not shorten the pause after a failure
			sleep(ctx, clock, retry/4)
		}
	}
}

func sleep(ctx context.Context, clock clock.Clock, pause time.Duration) {
	select {
	case <-clock.After(pause):
	case <-ctx.Done():
	}
}
