// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/pki"
)

// serve starts a TLS server that demands a client certificate, and returns the access of the client "tester".
func serve(t *testing.T, handler http.HandlerFunc) Access {
	t.Helper()
	authority, err := pki.NewAuthority("test-ca")
	if err != nil {
		t.Fatal(err)
	}
	serving, err := authority.Issue(pki.Subject{CommonName: "server", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := authority.Issue(pki.Subject{CommonName: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(serving.Certificate, serving.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Certificate)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return Access{Server: server.URL, Authority: authority.Certificate, Client: client}
}

func TestClient(t *testing.T) {
	access := serve(t, func(writer http.ResponseWriter, request *http.Request) {
		user := request.TLS.PeerCertificates[0].Subject.CommonName
		body, _ := io.ReadAll(request.Body)
		switch request.Method + " " + request.URL.Path {
		case "GET /whoami":
			_, _ = io.WriteString(writer, `{"user":"`+user+`"}`)
		case "POST /things":
			writer.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(writer, "{}")
			if string(body) != "name: x" || request.Header.Get("Content-Type") != "application/yaml" {
				t.Errorf("got %q as %s", body, request.Header.Get("Content-Type"))
			}
		default:
			writer.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(writer, `{"kind":"Status","message":"already there"}`)
		}
	})
	client, err := access.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	var answer struct{ User string }
	if err := client.Get(t.Context(), "/whoami", &answer); err != nil || answer.User != "tester" {
		t.Errorf("got %+v, %v", answer, err)
	}
	if err := client.Create(t.Context(), "/things", "application/yaml", []byte("name: x")); err != nil {
		t.Error(err)
	}
	err = client.Get(t.Context(), "/other", nil)
	var status *StatusError
	if !errors.As(err, &status) || status.Code != http.StatusConflict || status.Message != "already there" {
		t.Errorf("got %v", err)
	}
}

func TestNewClientRefusesUnusableAccess(t *testing.T) {
	if _, err := (Access{Server: "https://127.0.0.1:1"}).NewClient(); err == nil {
		t.Error("want an error without certificates")
	}
}

func TestKubeconfig(t *testing.T) {
	access := Access{
		Server:    "https://198.18.0.2:6443",
		Authority: []byte("authority"),
		Client:    pki.KeyPair{Certificate: []byte("certificate"), Key: []byte("key")},
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := access.WriteKubeconfig(file, "localcluster-test"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, want := range []string{
		"    server: https://198.18.0.2:6443\n",
		"    certificate-authority-data: " + encode("authority") + "\n",
		"    client-certificate-data: " + encode("certificate") + "\n",
		"    client-key-data: " + encode("key") + "\n",
		"current-context: localcluster-test\n",
	} {
		if !strings.Contains(string(content), want) {
			t.Errorf("%q is missing in\n%s", want, content)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the private key: %v, %v", info.Mode(), err)
	}
}

func TestWaitUntil(t *testing.T) {
	calls := 0
	third := func(context.Context) error {
		if calls++; calls < 3 {
			return errors.New("not yet")
		}
		return nil
	}
	if err := WaitUntil(t.Context(), time.Millisecond, nil, third); err != nil || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}

	never := func(context.Context) error { return errors.New("not yet") }
	cause := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := WaitUntil(ctx, time.Millisecond, nil, never); !errors.Is(err, cause) || !strings.Contains(err.Error(), "not yet") {
		t.Errorf("got %v", err)
	}
	stopped := make(chan struct{})
	close(stopped)
	if err := WaitUntil(t.Context(), time.Hour, stopped, never); err == nil {
		t.Error("want an error when stopped")
	}
}
