// SPDX-License-Identifier: Apache-2.0

package scrapeauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
)

// cluster knows users by their tokens, and who may get the metrics.
type cluster struct {
	users map[string]string
	may   map[string]bool
	down  error

	reviews atomic.Int64
	wait    chan struct{} // until it is closed, if it is set
	running atomic.Int64
	most    atomic.Int64
}

type tokens struct{ *cluster }

func (c tokens) Create(ctx context.Context, review *authenticationv1.TokenReview, _ metav1.CreateOptions) (*authenticationv1.TokenReview, error) {
	c.reviews.Add(1)
	now := c.running.Add(1)
	defer c.running.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	if c.wait != nil {
		select {
		case <-c.wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	user, known := c.users[review.Spec.Token]
	review.Status = authenticationv1.TokenReviewStatus{Authenticated: known, User: authenticationv1.UserInfo{
		Username: user, UID: "u1", Groups: []string{"g"}, Extra: map[string]authenticationv1.ExtraValue{"k": {"v"}},
	}}
	return review, c.down
}

type access struct{ *cluster }

func (c access) Create(_ context.Context, review *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	spec := review.Spec
	if spec.UID != "u1" || len(spec.Groups) != 1 || len(spec.Extra["k"]) != 1 || *spec.NonResourceAttributes != (authorizationv1.NonResourceAttributes{Path: "/metrics", Verb: "get"}) {
		return nil, fmt.Errorf("asked about %+v", spec)
	}
	review.Status.Allowed = c.may[spec.User]
	return review, nil
}

func newCluster() *cluster {
	return &cluster{users: map[string]string{"good": "prometheus", "foreign": "tenant"}, may: map[string]bool{"prometheus": true}}
}

func (c *cluster) guard(clock *clocktesting.FakePassiveClock) http.Handler {
	return New(Config{Tokens: tokens{c}, Access: access{c}, Path: "/metrics", Clock: clock}).Protect(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("samples")) }))
}

func get(handler http.Handler, method string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "/metrics", nil)
	for _, header := range headers {
		request.Header.Add("Authorization", header)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestOnlyUsersWithThePermissionGetThrough(t *testing.T) {
	c := newCluster()
	handler := c.guard(clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
	for name, test := range map[string]struct {
		method, header string
		status         int
		want           string
	}{
		"allowed":        {"GET", "Bearer good", 200, "samples"},
		"lower case":     {"GET", "bearer good", 200, "samples"},
		"no header":      {"GET", "", 401, "no bearer token; send"},
		"empty token":    {"GET", "Bearer ", 401, "no bearer token"},
		"another scheme": {"GET", "Basic good", 401, "no bearer token"},
		"unknown":        {"GET", "Bearer made-up", 401, "the token is invalid or expired"},
		"no permission":  {"GET", "Bearer foreign", 403, `user "tenant" may not get /metrics; bind a ClusterRole`},
		"another method": {"POST", "Bearer good", 405, "use GET"},
	} {
		recorder := get(handler, test.method, test.header)
		text := strings.TrimSuffix(recorder.Body.String(), "\n")
		if recorder.Code != test.status || !strings.Contains(text, test.want) || strings.Contains(text, "\n") || strings.Contains(text, "made-up") {
			t.Errorf("%s: %d %s", name, recorder.Code, text)
		}
		if challenge := recorder.Header().Get("WWW-Authenticate"); (challenge == "Bearer") != (test.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", name, challenge)
		}
	}
}

func TestAnswersAreCachedForAShortTime(t *testing.T) {
	c, clock := newCluster(), clocktesting.NewFakePassiveClock(time.Unix(0, 0))
	handler := c.guard(clock)
	for range 3 {
		if code := get(handler, "GET", "Bearer good").Code; code != 200 {
			t.Fatal(code)
		}
		if code := get(handler, "GET", "Bearer foreign").Code; code != 403 {
			t.Fatal(code)
		}
	}
	if got := c.reviews.Load(); got != 2 {
		t.Errorf("%d reviews, want one for each token", got)
	}
	delete(c.users, "good")
	c.may["tenant"] = true
	clock.SetTime(time.Unix(0, 0).Add(CacheTime + time.Millisecond))
	if code := get(handler, "GET", "Bearer good").Code; code != 401 {
		t.Errorf("a revoked token: %d", code)
	}
	if code := get(handler, "GET", "Bearer foreign").Code; code != 200 {
		t.Errorf("a new permission: %d", code)
	}
}

func TestNothingIsServedWithoutTheAPIServer(t *testing.T) {
	c := newCluster()
	c.down = errors.New("secret of the connection")
	handler := c.guard(clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
	recorder := get(handler, "GET", "Bearer good")
	if text := recorder.Body.String(); recorder.Code != 500 || strings.Contains(text, "samples") || strings.Contains(text, "secret") {
		t.Errorf("%d %s", recorder.Code, text)
	}
	// A failure is not remembered.
	c.down = nil
	if code := get(handler, "GET", "Bearer good").Code; code != 200 {
		t.Errorf("after the failure: %d", code)
	}
}

// TestManyTokens: whoever makes up tokens does not displace the answer for a good one,
// and has few of them reviewed at the same time.
func TestManyTokens(t *testing.T) {
	c := newCluster()
	guard := New(Config{Tokens: tokens{c}, Access: access{c}, Path: "/metrics", Clock: clocktesting.NewFakePassiveClock(time.Unix(0, 0))})
	handler := guard.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	get(handler, "GET", "Bearer good")
	var clients sync.WaitGroup
	for i := range 20 {
		clients.Go(func() {
			for j := range 200 {
				get(handler, "GET", fmt.Sprintf("Bearer %d-%d", i, j))
			}
		})
	}
	clients.Wait()
	if most := c.most.Load(); most > maxReviews {
		t.Errorf("%d reviews at the same time", most)
	}
	if got := len(guard.refused.Keys()); got > maxRefused {
		t.Errorf("%d answers are cached", got)
	}
	before := c.reviews.Load()
	if code := get(handler, "GET", "Bearer good").Code; code != 200 || c.reviews.Load() != before {
		t.Errorf("the good token: %d, reviewed again: %t", code, c.reviews.Load() != before)
	}
}

// TestClientsThatGoAwayEndTheirReviews: nothing is left of a request whose client has
// gone while the API server hangs.
func TestClientsThatGoAwayEndTheirReviews(t *testing.T) {
	c := newCluster()
	c.wait = make(chan struct{})
	handler := c.guard(clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for i := range 3 * maxReviews {
		clients.Go(func() {
			request := httptest.NewRequestWithContext(ctx, "GET", "/metrics", nil)
			request.Header.Set("Authorization", fmt.Sprintf("Bearer %d", i))
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			if recorder.Code != 500 {
				t.Errorf("status %d", recorder.Code)
			}
		})
	}
	for c.running.Load() < maxReviews {
		time.Sleep(time.Millisecond)
	}
	cancel()
	clients.Wait()
	if got := c.running.Load(); got != 0 {
		t.Errorf("%d reviews are left", got)
	}
}
