// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// Keys of the Secret. They are those of kubeflow/spark-operator, whose Secret is used
// as it is until it has to be rotated.
const (
	keyAuthorityKey = "ca-key.pem"
	keyAuthorities  = "ca-cert.pem"
	keyServerKey    = "server-key.pem"
	keyServerCert   = "server-cert.pem"
)

// Config says which objects hold the certificate.
type Config struct {
	Client kubernetes.Interface
	// Namespace and Secret are where the certificate is kept.
	Namespace, Secret string
	// Names are the DNS names of the server; the first is that of its Service.
	Names []string
	// MutatingConfiguration and ValidatingConfiguration are the names of the two webhook
	// configurations that are to trust the certificate; empty for none.
	MutatingConfiguration, ValidatingConfiguration string
	// Propagation is how long API servers may take to see a new authority in the
	// configurations.
	Propagation time.Duration
	Clock       clock.WithTicker
}

// interval is how often everything is looked at without an event.
const interval = 20 * time.Second

// retry is the pause after a failure.
const retry = time.Second

// Manager keeps a certificate of its own in a Secret. Every replica serves from it (Run);
// one of them at a time renews and heals it (Lead).
type Manager struct {
	Config
	Served
	// good is the last bundle that worked: what is written back when the Secret is
	// deleted or damaged, so that no client sees a change.
	good   atomic.Pointer[checked]
	events *events
}

// NewManager returns a manager. Nothing is read before Run.
func NewManager(config Config) *Manager {
	return &Manager{Config: config, events: newEvents()}
}

// Run serves what the Secret holds until ctx is done.
func (m *Manager) Run(ctx context.Context) {
	m.events.watch(ctx, &m.Config)
	m.events.each(ctx, m.Clock, func(ctx context.Context) error {
		secret, err := m.secret(ctx)
		if err != nil || secret == nil {
			return err
		}
		m.load(ctx, secret)
		return nil
	})
}

// Lead creates, renews and repairs the Secret, and has the configurations trust it,
// until ctx is done. Only the holder of a lease may: a second one would do no harm, as
// each write replaces only what it has read.
func (m *Manager) Lead(ctx context.Context) {
	m.events.each(ctx, m.Clock, m.heal)
}

// secret returns the Secret; nil if there is none.
func (m *Manager) secret(ctx context.Context) (*corev1.Secret, error) {
	secret, err := m.Client.CoreV1().Secrets(m.Namespace).Get(ctx, m.Secret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the Secret of the webhook: %w", err)
	}
	return secret, nil
}

func bundleOf(secret *corev1.Secret) *bundle {
	return &bundle{
		authorities: secret.Data[keyAuthorities], authorityKey: secret.Data[keyAuthorityKey],
		certificate: secret.Data[keyServerCert], key: secret.Data[keyServerKey],
	}
}

// load serves what the Secret holds, if it works. Otherwise what worked before stays.
func (m *Manager) load(ctx context.Context, secret *corev1.Secret) *checked {
	logger := klog.FromContext(ctx)
	current, err := bundleOf(secret).check(m.Names, m.Clock.Now())
	if err != nil {
		logger.Info("The Secret of the webhook has no working certificate", "secret", klog.KObj(secret), "reason", err.Error())
		return nil
	}
	m.good.Store(current)
	if m.serve(current.pair) {
		logger.Info("Serving a certificate", "notAfter", current.leaf.NotAfter, "serial", current.leaf.SerialNumber.Text(16))
	}
	return current
}

// heal makes Secret and configurations what they should be.
func (m *Manager) heal(ctx context.Context) error {
	secret, err := m.secret(ctx)
	if err != nil {
		return err
	}
	var current *checked
	if secret != nil {
		current = m.load(ctx, secret)
	}
	var next *bundle
	switch {
	case current != nil:
		if next, err = current.renewed(m.Names, m.Clock.Now()); err != nil {
			return err
		}
	default:
		if next, err = m.replacement(secret); err != nil {
			return err
		}
	}
	if next == nil {
		return m.trust(ctx, current.authorities)
	}
	// First the trust, then the certificate.
	changed, err := m.trustChanged(ctx, next.authorities)
	if err != nil {
		return err
	}
	if current != nil && changed {
		if sleep(ctx, m.Clock, m.Propagation); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	written, err := m.write(ctx, secret, next)
	if err != nil {
		return err
	}
	m.load(ctx, written)
	return nil
}

// replacement is what the Secret gets that is gone or damaged: what it had, if that is
// known and works, else something new. Other replicas may still serve with the authority
// that it had, if that can be read.
func (m *Manager) replacement(damaged *corev1.Secret) (*bundle, error) {
	now := m.Clock.Now()
	if good := m.good.Load(); good != nil {
		if _, err := good.check(m.Names, now); err == nil {
			return &good.bundle, nil
		}
	}
	var authorities []byte
	if damaged != nil {
		authorities = damaged.Data[keyAuthorities]
	}
	return generate(m.Names, now, authorities)
}

// write stores a bundle in place of the Secret that was read.
func (m *Manager) write(ctx context.Context, before *corev1.Secret, b *bundle) (*corev1.Secret, error) {
	data := map[string][]byte{
		keyAuthorities: b.authorities, keyAuthorityKey: b.authorityKey, keyServerCert: b.certificate, keyServerKey: b.key,
	}
	secrets := m.Client.CoreV1().Secrets(m.Namespace)
	if before == nil {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Secret}, Type: corev1.SecretTypeOpaque, Data: data}
		created, err := secrets.Create(ctx, secret, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("create the Secret of the webhook: %w", err)
		}
		return created, nil
	}
	secret := before.DeepCopy() // with its resource version
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	maps.Copy(secret.Data, data)
	updated, err := secrets.Update(ctx, secret, metav1.UpdateOptions{})
	if err != nil {
		return nil, fmt.Errorf("update the Secret of the webhook: %w", err)
	}
	return updated, nil
}
