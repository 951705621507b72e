// SPDX-License-Identifier: Apache-2.0

// Package scrapeauth protects an HTTP endpoint, such as that of the metrics, as API
// servers protect theirs: the client sends a bearer token, a TokenReview shows whose it
// is, and a SubjectAccessReview whether this user may get the path.
//
// Without an answer of the API server, nothing is served. Answers are cached for a short
// time and in bounded number, and few reviews are made at the same time, whoever connects.
package scrapeauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

const (
	// CacheTime is how long an answer of the API server is used again. So a token that
	// was revoked may be accepted for this long.
	CacheTime = 10 * time.Second
	// maxAllowed and maxRefused are how many answers are cached. Refused tokens cost
	// nothing to make up: they do not displace those that are allowed.
	maxAllowed = 100
	maxRefused = 1000
	// maxReviews is how many tokens are reviewed at the same time.
	maxReviews = 4
	// patience is how long a client waits for the reviews of its token.
	patience = 5 * time.Second
)

// Config is what a guard asks.
type Config struct {
	// Tokens creates TokenReviews; see TokenReviewInterface of client-go. It should have
	// a rate limit of its own.
	Tokens TokenReviews
	// Access creates SubjectAccessReviews.
	Access SubjectAccessReviews
	// Path is what the user must be allowed to get: a nonResourceURL of a ClusterRole.
	Path  string
	Clock clock.PassiveClock
}

// TokenReviews is the part of client-go that asks whose a token is.
type TokenReviews interface {
	Create(ctx context.Context, review *authenticationv1.TokenReview, options metav1.CreateOptions) (*authenticationv1.TokenReview, error)
}

// SubjectAccessReviews is the part of client-go that asks what a user may do.
type SubjectAccessReviews interface {
	Create(ctx context.Context, review *authorizationv1.SubjectAccessReview, options metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
}

// Guard is the protection of one path.
type Guard struct {
	config           Config
	allowed, refused *cache.LRUExpireCache
	turns            chan struct{}
}

// New returns a guard.
func New(config Config) *Guard {
	return &Guard{
		config:  config,
		allowed: cache.NewLRUExpireCacheWithClock(maxAllowed, config.Clock),
		refused: cache.NewLRUExpireCacheWithClock(maxRefused, config.Clock),
		turns:   make(chan struct{}, maxReviews),
	}
}

// Protect returns a handler that passes on the requests of clients that may get the path.
// All others get an error of one line: 401 without a valid token, 403 without the
// permission, 405 for another method than GET, 500 if the API server does not answer.
func (g *Guard) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, reason := g.check(r)
		if status == http.StatusOK {
			next.ServeHTTP(w, r)
			return
		}
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		klog.FromContext(r.Context()).V(2).Info("Refused a request", "path", g.config.Path, "from", r.RemoteAddr, "status", status)
		http.Error(w, reason, status)
	})
}

// refusal is why a token is refused.
type refusal struct {
	status int
	reason string
}

func (g *Guard) check(r *http.Request) (status int, reason string) {
	if r.Method != http.MethodGet {
		return http.StatusMethodNotAllowed, fmt.Sprintf("method %.20q; use GET", r.Method)
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "bearer") || token == "" {
		return http.StatusUnauthorized, "no bearer token; send the token of a service account in the header Authorization"
	}
	refused, err := g.review(r.Context(), token)
	switch {
	case err != nil:
		klog.FromContext(r.Context()).Error(err, "Cannot check who scrapes the metrics", "path", g.config.Path, "from", r.RemoteAddr)
		return http.StatusInternalServerError, "the token cannot be checked; the log of the operator has the reason"
	case refused != nil:
		return refused.status, refused.reason
	}
	return http.StatusOK, ""
}

// review returns why a token is refused; nil if it is allowed.
func (g *Guard) review(ctx context.Context, token string) (*refusal, error) {
	key := sha256.Sum256([]byte(token)) // a cache should not contain tokens
	if refused, known := g.cached(key); known {
		return refused, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case g.turns <- struct{}{}:
		defer func() { <-g.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%d tokens are being checked: %w", maxReviews, context.Cause(ctx))
	}
	if refused, known := g.cached(key); known { // by a request at the same time
		return refused, nil
	}
	refused, err := g.ask(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		g.refused.Add(key, refused, CacheTime)
	default:
		g.allowed.Add(key, nil, CacheTime)
	}
	return refused, nil
}

func (g *Guard) cached(key [sha256.Size]byte) (refused *refusal, known bool) {
	if _, known := g.allowed.Get(key); known {
		return nil, true
	}
	if value, known := g.refused.Get(key); known {
		refused, known = value.(*refusal)
		return refused, known
	}
	return nil, false
}

// ask asks the API server.
func (g *Guard) ask(ctx context.Context, token string) (*refusal, error) {
	review, err := g.config.Tokens.Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create a TokenReview: %w", err)
	}
	if !review.Status.Authenticated {
		return &refusal{http.StatusUnauthorized, "the token is invalid or expired"}, nil
	}
	user := review.Status.User
	if user.Username == "" {
		return nil, errors.New("the TokenReview names no user")
	}
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	access, err := g.config.Access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: g.config.Path, Verb: "get"},
	}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create a SubjectAccessReview: %w", err)
	}
	if !access.Status.Allowed || access.Status.Denied {
		return &refusal{http.StatusForbidden, fmt.Sprintf(
			"user %.200q may not get %s; bind a ClusterRole with this nonResourceURL and the verb get", user.Username, g.config.Path)}, nil
	}
	return nil, nil
}
