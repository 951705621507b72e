// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/clock"
)

// shifted is the real clock, some time later.
type shifted struct {
	clock.RealClock
	by time.Duration
}

func (s *shifted) Now() time.Time { return s.RealClock.Now().Add(s.by) }

var names = []string{"webhook.operators.svc", "localhost"}

// cluster is an API server with two configurations of ours and one of others.
func cluster() *fake.Clientset {
	entry := admissionregistrationv1.WebhookClientConfig{CABundle: []byte("theirs")}
	return fake.NewClientset(
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "ours", ResourceVersion: "1"},
			Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "a"}, {Name: "b"}}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "ours", ResourceVersion: "1"},
			Webhooks: []admissionregistrationv1.ValidatingWebhook{{Name: "a"}}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "others", ResourceVersion: "1"},
			Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "a", ClientConfig: entry}}},
	)
}

func manager(client *fake.Clientset, clock *shifted) *Manager {
	return NewManager(Config{Client: client, Namespace: "operators", Secret: "certs", Names: names,
		MutatingConfiguration: "ours", ValidatingConfiguration: "ours", Clock: clock})
}

func heal(t *testing.T, m *Manager) {
	t.Helper()
	if err := m.heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.Err() != nil {
		t.Fatal(m.Err())
	}
}

func stored(t *testing.T, m *Manager) *corev1.Secret {
	t.Helper()
	secret, err := m.secret(t.Context())
	if err != nil || secret == nil {
		t.Fatalf("no Secret: %v", err)
	}
	return secret
}

// trusted checks that both configurations trust what is served, and returns the bundle.
func trusted(t *testing.T, m *Manager) []byte {
	t.Helper()
	registration := m.Client.AdmissionregistrationV1()
	mutating, err := registration.MutatingWebhookConfigurations().Get(t.Context(), "ours", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	validating, err := registration.ValidatingWebhookConfigurations().Get(t.Context(), "ours", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bundles := [][]byte{mutating.Webhooks[0].ClientConfig.CABundle, mutating.Webhooks[1].ClientConfig.CABundle, validating.Webhooks[0].ClientConfig.CABundle}
	served, err := m.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, bundle := range bundles {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(bundle)
		if _, err := served.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: names[0], CurrentTime: m.Clock.Now()}); err != nil {
			t.Errorf("the configurations do not trust the certificate: %v", err)
		}
	}
	others, err := registration.MutatingWebhookConfigurations().Get(t.Context(), "others", metav1.GetOptions{})
	if err != nil || string(others.Webhooks[0].ClientConfig.CABundle) != "theirs" {
		t.Errorf("a configuration of others was changed: %v, %v", others, err)
	}
	return bundles[0]
}

func TestSecretIsCreatedAndTrusted(t *testing.T) {
	client := cluster()
	m := manager(client, &shifted{})
	heal(t, m)
	trusted(t, m)
	var keys []string
	for key := range stored(t, m).Data {
		keys = append(keys, key)
	}
	if slices.Sort(keys); !slices.Equal(keys, []string{"ca-cert.pem", "ca-key.pem", "server-cert.pem", "server-key.pem"}) {
		t.Errorf("keys %q", keys)
	}
	if until := m.NotAfter().Sub(m.Clock.Now()); until < 364*24*time.Hour || until > 366*24*time.Hour {
		t.Errorf("the certificate is good for %v", until)
	}
	client.ClearActions()
	heal(t, m)
	for _, action := range client.Actions() {
		if action.GetVerb() != "get" {
			t.Errorf("a second time there is a write: %v", action)
		}
	}
}

func TestSecretThatIsGoneOrDamagedIsAsBefore(t *testing.T) {
	m := manager(cluster(), &shifted{})
	heal(t, m)
	before := stored(t, m).Data
	secrets := m.Client.CoreV1().Secrets("operators")
	for name, damage := range map[string]func(*corev1.Secret){
		"without data":  func(s *corev1.Secret) { s.Data = nil },
		"no PEM":        func(s *corev1.Secret) { s.Data["server-cert.pem"] = []byte("x") },
		"another key":   func(s *corev1.Secret) { s.Data["server-key.pem"] = s.Data["ca-key.pem"] },
		"no authority":  func(s *corev1.Secret) { delete(s.Data, "ca-cert.pem") },
		"not our names": func(s *corev1.Secret) { other(t, s) },
	} {
		secret := stored(t, m).DeepCopy()
		damage(secret)
		if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		heal(t, m)
		if !equalData(stored(t, m).Data, before) {
			t.Errorf("%s: the Secret is another one", name)
		}
		trusted(t, m)
	}
	if err := secrets.Delete(t.Context(), "certs", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	heal(t, m)
	if !equalData(stored(t, m).Data, before) {
		t.Error("deleted: the Secret is another one")
	}
	// A process that has just started knows nothing; what others serve stays trusted.
	secret := stored(t, m).DeepCopy()
	secret.Data["server-key.pem"] = nil
	if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	fresh := NewManager(m.Config)
	heal(t, fresh)
	if bundle := trusted(t, fresh); !bytes.Contains(bundle, before["ca-cert.pem"]) {
		t.Error("the authority of the other replicas is not trusted any more")
	}
}

// other puts the certificate of another server into the Secret.
func other(t *testing.T, s *corev1.Secret) {
	t.Helper()
	b, err := generate([]string{"elsewhere"}, time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Data = map[string][]byte{keyAuthorities: b.authorities, keyAuthorityKey: b.authorityKey, keyServerCert: b.certificate, keyServerKey: b.key}
}

func equalData(a, b map[string][]byte) bool {
	for key := range b {
		if !bytes.Equal(a[key], b[key]) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestRotationWellBeforeExpiry(t *testing.T) {
	clock := &shifted{}
	client := cluster()
	m := manager(client, clock)
	heal(t, m)
	first := stored(t, m).Data
	clock.by = serverLife - serverLeft - 24*time.Hour
	if heal(t, m); !equalData(stored(t, m).Data, first) {
		t.Error("rotated too early")
	}
	clock.by = serverLife - serverLeft + 24*time.Hour
	heal(t, m)
	second := stored(t, m).Data
	if bytes.Equal(second["server-cert.pem"], first["server-cert.pem"]) || !bytes.Equal(second["ca-cert.pem"], first["ca-cert.pem"]) {
		t.Error("want a new certificate of the same authority")
	}
	trusted(t, m)

	// The authority, too, is replaced while it is good, and trusted before it is used.
	for ; clock.by < authorityLife-authorityLeft-100*24*time.Hour; clock.by += 100 * 24 * time.Hour {
		heal(t, m)
	}
	heal(t, m)
	before := stored(t, m).Data
	if !bytes.Equal(before["ca-key.pem"], first["ca-key.pem"]) {
		t.Fatal("the authority was replaced too early")
	}
	authorities := trusted(t, m)
	clock.by = authorityLife - authorityLeft + 24*time.Hour
	client.ClearActions()
	heal(t, m)
	after := stored(t, m).Data
	if bytes.Equal(after["ca-key.pem"], before["ca-key.pem"]) {
		t.Fatal("want a new authority")
	}
	first2, _, _ := bytes.Cut(authorities, []byte("-----END CERTIFICATE-----\n"))
	if bundle := trusted(t, m); !bytes.Contains(bundle, first2) || bytes.Count(bundle, []byte("BEGIN CERTIFICATE")) != 2 {
		t.Errorf("the authority before is not trusted beside the new one:\n%s", bundle)
	}
	var writes []string
	for _, action := range client.Actions() {
		if verb := action.GetVerb(); verb != "get" {
			writes = append(writes, verb+" "+action.GetResource().Resource)
		}
	}
	want := []string{"patch mutatingwebhookconfigurations", "patch validatingwebhookconfigurations", "update secrets"}
	if !slices.Equal(writes, want) {
		t.Errorf("writes %q, want the trust first: %q", writes, want)
	}
}

func TestExpiredCertificateIsReplaced(t *testing.T) {
	clock := &shifted{}
	m := manager(cluster(), clock)
	heal(t, m)
	clock.by = serverLife + time.Hour
	heal(t, m)
	trusted(t, m)
	if !m.NotAfter().After(clock.Now()) {
		t.Errorf("serving a certificate that expired %v", m.NotAfter())
	}
}

// kubeflow/spark-operator writes RSA keys; its Secret is used and renewed.
func TestSecretOfKubeflowIsUsed(t *testing.T) {
	clock := &shifted{}
	m := manager(cluster(), clock)
	now := time.Now()
	authorityKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template, err := newTemplate(names[0], now, authorityLife)
	if err != nil {
		t.Fatal(err)
	}
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, authorityKey.Public(), authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{authorities: pemOf(der), authorityKey: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(authorityKey)})}
	if b, err = b.sign(authority, authorityKey, names, now); err != nil {
		t.Fatal(err)
	}
	if _, err := m.write(t.Context(), nil, b); err != nil {
		t.Fatal(err)
	}
	heal(t, m)
	if got := stored(t, m).Data["server-cert.pem"]; !bytes.Equal(got, b.certificate) {
		t.Error("a good certificate was replaced")
	}
	trusted(t, m)
	clock.by = serverLife - serverLeft + time.Hour
	heal(t, m)
	if got := stored(t, m).Data; bytes.Equal(got["server-cert.pem"], b.certificate) || !bytes.Equal(got["ca-cert.pem"], b.authorities) {
		t.Error("want a new certificate of the same authority")
	}
	trusted(t, m)
}

// Whatever the replicas do at the same time, they end up with one certificate.
func TestReplicasAgree(t *testing.T) {
	client := cluster()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	managers := []*Manager{manager(client, &shifted{}), manager(client, &shifted{}), manager(client, &shifted{})}
	for _, m := range managers {
		go m.Run(ctx)
		go m.Lead(ctx)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		serials := map[string]bool{}
		for _, m := range managers {
			if certificate, err := m.Certificate(); err == nil {
				serials[certificate.Leaf.SerialNumber.String()] = true
			} else {
				serials["none"] = true
			}
		}
		if len(serials) == 1 && !serials["none"] {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replicas serve %d certificates", len(serials))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestFilesAreReloadedAndNeverHalf(t *testing.T) {
	folder := t.TempDir()
	files := &Files{CertificateFile: filepath.Join(folder, "tls.crt"), KeyFile: filepath.Join(folder, "tls.key")}
	put := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.load(t.Context()); err == nil || files.Err() == nil {
		t.Errorf("without files: %v, %v", err, files.Err())
	}
	var served []string
	for range 2 {
		b, err := generate(names, time.Now(), nil)
		if err != nil {
			t.Fatal(err)
		}
		put("tls.crt", b.certificate)
		if err := files.load(t.Context()); len(served) > 0 && (err == nil || !strings.Contains(err.Error(), "tls.key")) {
			t.Errorf("half a pair: %v", err)
		}
		if len(served) > 0 && files.Err() != nil {
			t.Error("half a pair takes the other away")
		}
		put("tls.key", b.key)
		if err := files.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		certificate, err := files.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		served = append(served, certificate.Leaf.SerialNumber.String())
	}
	if served[0] == served[1] {
		t.Error("the second pair is not served")
	}
}

func TestSecretOfCertManagerIsFollowed(t *testing.T) {
	client := fake.NewClientset()
	f := NewFollower(Config{Client: client, Namespace: "operators", Secret: "certs", MutatingConfiguration: "ours", Clock: &shifted{}})
	go f.Run(t.Context())
	secrets := client.CoreV1().Secrets("operators")
	for i := range 2 {
		b, err := generate(names, time.Now(), nil)
		if err != nil {
			t.Fatal(err)
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "operators", Name: "certs"}, Data: map[string][]byte{
			"ca.crt": b.authorities, "tls.crt": b.certificate, "tls.key": b.key,
		}}
		if i == 0 {
			_, err = secrets.Create(t.Context(), secret, metav1.CreateOptions{})
		} else {
			_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		pair, err := b.check(names, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(20 * time.Second)
		for served, err := f.Certificate(); err != nil || !served.Leaf.Equal(pair.leaf); served, err = f.Certificate() {
			if time.Now().After(deadline) {
				t.Fatalf("certificate %d is not served: %v", i, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
