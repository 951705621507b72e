// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// renderedSecure is the chart with prometheus.metrics.secureMetrics and the endpoint /prom.
const renderedSecure = sim.Repository + "/test/chart/testdata/everything.golden.yaml"

// account creates a service account, binds it to ClusterRoles, and returns a token of it.
func account(t *testing.T, namespace, name string, clusterRoles ...string) string {
	t.Helper()
	if err := sim.CreateServiceAccount(t.Context(), api.Core, namespace, name); err != nil {
		t.Fatal(err)
	}
	for _, role := range clusterRoles {
		if _, err := api.Core.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: namespace + "-" + name + "-" + role},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: name}},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	lifetime := int64(time.Hour / time.Second)
	token, err := api.Core.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}

// scraper reads the metrics of a process over connections that serve one request each.
type scraper struct {
	url    string
	client *http.Client
}

func (s *scraper) get(ctx context.Context, token string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(text)), err
}

// writeFiles puts a certificate into a folder, in two steps, as an administrator does.
func writeFiles(t *testing.T, folder string, s signed) {
	t.Helper()
	for name, content := range map[string][]byte{"tls.crt": s.certificate, "tls.key": s.key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSecureMetrics: both processes serve their metrics to those that the API server
// lets read them, and to no other; a token that is revoked stops working; and a new
// certificate fails no scrape.
func TestSecureMetrics(t *testing.T) {
	in := install(t, "scraped", admissionregistrationv1.Ignore)
	createRendered(t, renderedSecure, "sparky-metrics-reader")
	for process, start := range map[string]func(flags ...string){
		"controller": func(flags ...string) { sim.StartOperator(t, operatorBinary, api.Kubeconfig, in.name, flags...) },
		"webhook":    func(flags ...string) { in.start(t, in.port, flags...) },
	} {
		folder, port := t.TempDir(), admission.FreePort(t)
		first, second := sign(t, time.Hour, time.Hour), sign(t, time.Hour, time.Hour)
		writeFiles(t, folder, first)
		start("--enable-metrics", "--secure-metrics", "--metrics-cert-dir="+folder, "--metrics-endpoint=/prom", fmt.Sprintf("--metrics-bind-address=127.0.0.1:%d", port))
		trusted := x509.NewCertPool()
		trusted.AppendCertsFromPEM(first.authority)
		trusted.AppendCertsFromPEM(second.authority)
		scrapes := &scraper{url: fmt.Sprintf("https://localhost:%d/prom", port), client: &http.Client{
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, DisableKeepAlives: true},
		}}
		foreign, reader := account(t, in.name, process+"-foreign"), account(t, in.name, process+"-reader", "sparky-metrics-reader")
		eventually(t, 30*time.Second, func() error {
			_, _, err := scrapes.get(t.Context(), "")
			return err
		})
		for name, test := range map[string]struct {
			token  string
			status int
			want   string
		}{
			"no token": {"", 401, "no bearer token"},
			"made up":  {"x.y.z", 401, "the token is invalid or expired"},
			"foreign":  {foreign, 403, "may not get /prom"},
			"reader":   {reader, 200, "process_cpu_seconds_total"},
		} {
			status, text, err := scrapes.get(t.Context(), test.token)
			if err != nil || status != test.status || !strings.Contains(text, test.want) || status != 200 && strings.Contains(text, "\n") {
				t.Errorf("%s: %s: %d %.200s %v", process, name, status, text, err)
			}
		}
		rotate(t, process, scrapes, reader, folder, port, second)

		if err := api.Core.CoreV1().ServiceAccounts(in.name).Delete(t.Context(), process+"-reader", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		// The API server and the operator cache their answers for 10 s each.
		eventually(t, 40*time.Second, func() error {
			if status, _, err := scrapes.get(t.Context(), reader); err != nil || status != 401 {
				return fmt.Errorf("%s: a revoked token: %d, %w", process, status, err)
			}
			return nil
		})
	}
}

// rotate replaces the certificate while it is used.
func rotate(t *testing.T, process string, scrapes *scraper, token, folder string, port int, next signed) {
	t.Helper()
	before, err := served(t.Context(), port)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 2 {
		load.Go(func() {
			for ctx.Err() == nil {
				if status, text, err := scrapes.get(context.WithoutCancel(ctx), token); err != nil || status != 200 {
					t.Errorf("%s: during the rotation: %d %.200s %v", process, status, text, err)
					return
				}
			}
		})
	}
	writeFiles(t, folder, next)
	eventually(t, 20*time.Second, func() error {
		now, err := served(t.Context(), port)
		if err == nil && now.Equal(before) {
			err = errors.New("still the first certificate")
		}
		return err
	})
	time.Sleep(200 * time.Millisecond)
	stop()
	load.Wait()
}

// TestRightsOfSecureMetrics: with the rules of the chart for it, and no others, a process
// checks tokens.
func TestRightsOfSecureMetrics(t *testing.T) {
	const namespace = "scrape-rights"
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	for _, object := range renderedObjects(t, renderedSecure) {
		if object.GetKind() == "ClusterRole" && object.GetName() == "sparky-webhook" {
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
				t.Fatal(err)
			}
		}
	}
	role.ObjectMeta = metav1.ObjectMeta{Name: namespace}
	if _, err := api.Core.RbacV1().ClusterRoles().Create(t.Context(), &role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(api.Config)
	config.BearerToken = account(t, namespace, "operator", namespace)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	review, err := client.AuthenticationV1().TokenReviews().Create(t.Context(),
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: config.BearerToken}}, metav1.CreateOptions{})
	if err != nil || review.Status.User.Username != "system:serviceaccount:scrape-rights:operator" {
		t.Errorf("TokenReview: %v, %v", review, err)
	}
	if _, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: "x", NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/prom", Verb: "get"}},
	}, metav1.CreateOptions{}); err != nil {
		t.Errorf("SubjectAccessReview: %v", err)
	}
}
