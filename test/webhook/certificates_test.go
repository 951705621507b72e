// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/test/admission"
)

// signed are a certificate for localhost and its authority.
type signed struct{ authority, authorityKey, certificate, key []byte }

func sign(t *testing.T, authorityLife, life time.Duration, names ...string) signed {
	t.Helper()
	var s signed
	authority := &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(authorityLife), SerialNumber: big.NewInt(1),
	}
	var key crypto.Signer
	s.authority, s.authorityKey, key = issue(t, authority, authority, nil)
	server := &x509.Certificate{
		DNSNames: append(names, "localhost"), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life), SerialNumber: big.NewInt(time.Now().UnixNano()),
	}
	s.certificate, s.key, _ = issue(t, server, authority, key)
	return s
}

func issue(t *testing.T, template, parent *x509.Certificate, parentKey crypto.Signer) (certificate, key []byte, signer crypto.Signer) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parentKey == nil {
		parentKey = own
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, own.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), own
}

// served is the certificate that a replica shows.
func served(ctx context.Context, port int) (*x509.Certificate, error) {
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil, errors.New("no TLS")
	}
	return secure.ConnectionState().PeerCertificates[0], nil
}

func (in *installation) secret(t *testing.T) (*corev1.Secret, error) {
	t.Helper()
	return api.Core.CoreV1().Secrets(in.name).Get(t.Context(), in.name, metav1.GetOptions{})
}

func (in *installation) put(t *testing.T, data map[string][]byte) {
	t.Helper()
	secrets := api.Core.CoreV1().Secrets(in.name)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: in.name}, Data: data}
	if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err == nil {
		return
	}
	if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// trust has both configurations trust something else.
func (in *installation) trust(t *testing.T, authority []byte) {
	t.Helper()
	patch, err := json.Marshal([]map[string]any{
		{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": authority},
		{"op": "add", "path": "/webhooks/1/clientConfig/caBundle", "value": authority},
	})
	if err != nil {
		t.Fatal(err)
	}
	registration := api.Core.AdmissionregistrationV1()
	if _, err := registration.MutatingWebhookConfigurations().Patch(t.Context(), in.name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := registration.ValidatingWebhookConfigurations().Patch(t.Context(), in.name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestRotationUnderLoad: a certificate and its authority are due, and both are replaced
// by one of two replicas while applications are created all the time.
func TestRotationUnderLoad(t *testing.T) {
	in := install(t, "rotated", admissionregistrationv1.Fail)
	old := sign(t, 400*24*time.Hour, 30*24*time.Hour, "webhook."+in.name+".svc")
	in.put(t, map[string][]byte{"ca-cert.pem": old.authority, "ca-key.pem": old.authorityKey, "server-cert.pem": old.certificate, "server-key.pem": old.key})
	in.trust(t, old.authority)
	in.start(t, in.port, "--webhook-ca-propagation=3s")
	standby := admission.FreePort(t)
	in.start(t, standby, "--webhook-ca-propagation=3s")
	in.works(t, 30*time.Second)
	before, err := served(t.Context(), in.port)
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(old.certificate); !bytes.Equal(block.Bytes, before.Raw) {
		t.Fatal("the rotation was over before it could be watched")
	}

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var requests atomic.Int64
	failures := make(chan error, 1000)
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := in.tryReview(context.WithoutCancel(ctx)); err != nil {
					select {
					case failures <- err:
					default:
					}
				}
				requests.Add(2)
			}
		})
	}
	for _, port := range []int{in.port, standby} {
		eventually(t, 60*time.Second, func() error {
			now, err := served(t.Context(), port)
			if err == nil && now.Equal(before) {
				err = errors.New("still the certificate that is due")
			}
			return err
		})
	}
	time.Sleep(2 * time.Second)
	stop()
	load.Wait()
	close(failures)
	for err := range failures {
		t.Errorf("during the rotation: %v", err)
	}
	t.Logf("%d requests during the rotation", requests.Load())
	secret, err := in.secret(t)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(secret.Data["ca-key.pem"], old.authorityKey) || !bytes.Contains(secret.Data["ca-cert.pem"], old.authority) {
		t.Error("want a new authority, and the old one trusted beside it")
	}
}

func TestSecretAndTrustHeal(t *testing.T) {
	in := install(t, "healed", admissionregistrationv1.Fail)
	stop := in.start(t, in.port)
	in.works(t, 30*time.Second)
	good, err := in.secret(t)
	if err != nil {
		t.Fatal(err)
	}
	restored := func() error {
		now, err := in.secret(t)
		if err != nil {
			return err
		}
		for key, value := range good.Data {
			if !bytes.Equal(now.Data[key], value) {
				return fmt.Errorf("%s is another one", key)
			}
		}
		return in.tryReview(t.Context())
	}
	if err := api.Core.CoreV1().Secrets(in.name).Delete(t.Context(), in.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, restored)
	in.put(t, map[string][]byte{"ca-cert.pem": []byte("damaged"), "server-key.pem": nil})
	eventually(t, 10*time.Second, restored)
	expired := sign(t, time.Hour, -time.Minute, "webhook."+in.name+".svc")
	in.put(t, map[string][]byte{"ca-cert.pem": expired.authority, "ca-key.pem": expired.authorityKey, "server-cert.pem": expired.certificate, "server-key.pem": expired.key})
	eventually(t, 10*time.Second, restored)
	in.trust(t, sign(t, time.Hour, time.Hour).authority)
	eventually(t, 10*time.Second, restored)
	in.trust(t, nil)
	eventually(t, 10*time.Second, restored)

	// A new process works with what there is; one that finds an expired certificate
	// replaces it.
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	stop = in.start(t, in.port)
	in.works(t, 40*time.Second)
	eventually(t, time.Second, restored)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	old := sign(t, time.Hour, -time.Minute, "webhook."+in.name+".svc")
	in.put(t, map[string][]byte{"ca-cert.pem": old.authority, "ca-key.pem": old.authorityKey, "server-cert.pem": old.certificate, "server-key.pem": old.key})
	in.start(t, in.port)
	in.works(t, 40*time.Second)
}

// cert-manager keeps the Secret and the trust; its renewal needs no restart.
func TestSecretOfCertManager(t *testing.T) {
	in := install(t, "certmanager", admissionregistrationv1.Fail)
	first := sign(t, 100*24*time.Hour, 24*time.Hour)
	layout := func(s signed) map[string][]byte {
		return map[string][]byte{"ca.crt": s.authority, "tls.crt": s.certificate, "tls.key": s.key}
	}
	in.put(t, layout(first))
	in.trust(t, first.authority)
	in.start(t, in.port, "--enable-cert-manager")
	in.works(t, 30*time.Second)
	second := sign(t, 100*24*time.Hour, 24*time.Hour)
	in.trust(t, append(bytes.Clone(second.authority), first.authority...))
	in.put(t, layout(second))
	eventually(t, 20*time.Second, func() error {
		now, err := served(t.Context(), in.port)
		if block, _ := pem.Decode(second.certificate); err == nil && !bytes.Equal(block.Bytes, now.Raw) {
			err = errors.New("still the first certificate")
		}
		return err
	})
	in.works(t, 5*time.Second)
	secret, err := in.secret(t)
	if err != nil || len(secret.Data) != 3 {
		t.Errorf("the Secret of cert-manager was written: %v, %v", secret, err)
	}
}

func TestCertificateFromFiles(t *testing.T) {
	in := install(t, "files", admissionregistrationv1.Fail)
	folder := t.TempDir()
	pair := sign(t, time.Hour, time.Hour)
	for name, content := range map[string][]byte{"tls.crt": pair.certificate, "tls.key": pair.key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in.trust(t, pair.authority)
	in.start(t, in.port, "--webhook-secret-name=", "--webhook-cert-dir="+folder)
	in.works(t, 30*time.Second)
}
