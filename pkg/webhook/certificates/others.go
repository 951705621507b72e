// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
)

// Follower serves the certificate of a Secret that others keep, cert-manager for
// instance, under the keys of a TLS Secret. They have the configurations trust it, too.
type Follower struct {
	Config
	Served
	events *events
}

// NewFollower returns a follower of the Secret. Nothing is read before Run.
func NewFollower(config Config) *Follower {
	config.MutatingConfiguration, config.ValidatingConfiguration = "", ""
	return &Follower{Config: config, events: newEvents()}
}

// Run serves what the Secret holds until ctx is done.
func (f *Follower) Run(ctx context.Context) {
	f.events.watch(ctx, &f.Config)
	f.events.each(ctx, f.Clock, func(ctx context.Context) error {
		secret, err := f.Client.CoreV1().Secrets(f.Namespace).Get(ctx, f.Secret, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("read the Secret with the certificate of the webhook: %w", err)
		}
		return f.show(ctx, secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], "Secret "+f.Namespace+"/"+f.Secret)
	})
}

// Files serves a certificate from files.
type Files struct {
	Served
	// Certificate and key are paths of PEM files.
	CertificateFile, KeyFile string
}

// fileInterval is how often files are read. Files of a mounted Secret change in several
// steps, which may be seen half done: the pair that worked before stays then.
const fileInterval = 5 * time.Second

// Run serves what the files hold until ctx is done.
func (f *Files) Run(ctx context.Context) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := f.load(ctx); err != nil {
			klog.FromContext(ctx).Error(err, "The certificate needs another try")
		}
	}, fileInterval)
}

func (f *Files) load(ctx context.Context) error {
	certificate, err := os.ReadFile(f.CertificateFile)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	key, err := os.ReadFile(f.KeyFile)
	if err != nil {
		return fmt.Errorf("key of the certificate: %w", err)
	}
	return f.show(ctx, certificate, key, "files "+f.CertificateFile+" and "+f.KeyFile)
}

// show serves a pair that is one. What was there before stays otherwise.
func (s *Served) show(ctx context.Context, certificate, key []byte, from string) error {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if s.serve(&pair) {
		klog.FromContext(ctx).Info("Serving a certificate", "from", from, "notAfter", pair.Leaf.NotAfter)
	}
	return nil
}
