// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"crypto/rand"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// Reasons for which a server with authentication is not started yet.
const (
	reasonTokenMissing = "TokenMissing"
	reasonTokenInvalid = "TokenInvalid"
	// reasonTokensDisabled: the operator may not read Secrets.
	reasonTokensDisabled = "AuthenticationDisabled"
)

// ensureToken makes sure that a server starts with a usable token: an empty one would
// protect nothing, and the container of one that is missing does not start. Secrets are
// not watched, which takes the right to read all of them: the next try, a minute later at
// most, finds what was created meanwhile. A token is never written again.
func (c *Controller) ensureToken(ctx context.Context, in *input) error {
	at := translate.ConnectToken(in.connect)
	if at == nil {
		return nil
	}
	if !c.config.Authentication {
		return reconcile.WaitFor(reasonTokensDisabled, "the operator was started with --enable-connect-authentication=false and does not support spec.authentication; remove the field, or change the flag")
	}
	secret, err := c.tokenSecret(ctx, in, at.Name)
	switch {
	case reconcile.Gone(err):
		return reconcile.WaitFor(reasonTokenMissing, "Secret %s, which spec.authentication names, does not exist; create it with the key %s", at.Name, at.Key)
	case err != nil:
		return err // it names the Secret
	}
	token, found := secret.Data[at.Key]
	if !found {
		return reconcile.WaitFor(reasonTokenMissing, "Secret %s, which spec.authentication names, has no key %s; add it", at.Name, at.Key)
	}
	if fault := validation.ConnectTokenFault(token); fault != "" {
		return reconcile.WaitFor(reasonTokenInvalid, "the value of the key %s in Secret %s %s", at.Key, at.Name, fault)
	}
	return nil
}

// tokenSecret returns the Secret of the spec, or the one that is generated.
func (c *Controller) tokenSecret(ctx context.Context, in *input, name string) (*corev1.Secret, error) {
	secrets := c.kube.CoreV1().Secrets(in.connect.Namespace)
	if !in.connect.Spec.Authentication.Generate {
		return secrets.Get(ctx, name, metav1.GetOptions{})
	}
	secret, _, err := owned.Ensure(ctx, secrets, newTokenSecret(in.connect), func(live *corev1.Secret) error {
		return ownerOf(in.connect).Judge("Secret", live)
	})
	if reconcile.Gone(err) {
		return nil, reconcile.WaitFor(reconcile.NameInUse, "Secret %s was just deleted", name)
	}
	return secret, err
}

// newTokenSecret returns a Secret with a new token of letters and digits: 130 random bits
// that need no escapes in a URL.
func newTokenSecret(connect *v1alpha1.SparkConnect) *corev1.Secret {
	secret := &corev1.Secret{Type: corev1.SecretTypeOpaque, Data: map[string][]byte{v1alpha1.DefaultTokenKey: []byte(rand.Text())}}
	secret.Name, secret.Namespace = translate.ConnectTokenName(connect), connect.Namespace
	secret.Labels = map[string]string{v1beta2.LabelCreatedBySparkOperator: "true", v1alpha1.LabelConnectName: connect.Name}
	secret.OwnerReferences = []metav1.OwnerReference{translate.ConnectOwner(connect)}
	return secret
}
