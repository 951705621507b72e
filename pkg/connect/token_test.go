// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

var secretsResource = corev1.SchemeGroupVersion.WithResource("secrets")

func generated(connect *v1alpha1.SparkConnect) {
	connect.Spec.Authentication = &v1alpha1.Authentication{Generate: true}
}

func tokenFrom(name, key string) func(*v1alpha1.SparkConnect) {
	return func(connect *v1alpha1.SparkConnect) {
		connect.Spec.Authentication = &v1alpha1.Authentication{TokenSecret: &v1alpha1.TokenSecret{Name: name, Key: key}}
	}
}

// secret returns a stored Secret; nil without one.
func (c *cluster) secret(name string) *corev1.Secret {
	stored, err := c.kube.Tracker().Get(secretsResource, "jobs", name)
	if err != nil {
		return nil
	}
	return stored.(*corev1.Secret)
}

// setSecret stores a Secret as a user does; one without data is deleted.
func (c *cluster) setSecret(name string, data map[string]string) {
	c.t.Helper()
	c.change(func() {
		if c.secret(name) != nil {
			c.must(c.kube.Tracker().Delete(secretsResource, "jobs", name))
		}
		if data == nil {
			return
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "jobs"}, Data: map[string][]byte{}}
		for key, value := range data {
			secret.Data[key] = []byte(value)
		}
		c.stamp(secret)
		c.must(c.kube.Tracker().Create(secretsResource, secret, "jobs"))
	})
}

// says fails if anything but the Secret contains a text.
func (c *cluster) says(text string) {
	c.t.Helper()
	var all []any
	all = append(all, c.get(), c.pod())
	if conf, err := c.kube.Tracker().Get(configMapsResource, "jobs", "lab-conf"); err == nil {
		all = append(all, conf)
	}
	written, err := json.Marshal(all)
	c.must(err)
	if notes := fmt.Sprint(c.notes); strings.Contains(string(written)+notes, text) {
		c.t.Errorf("the token is in an object or an event: %s\n%s", written, notes)
	}
}

// TestGeneratedTokenIsCreatedOnce: the Secret outlives servers and is never written again.
func TestGeneratedTokenIsCreatedOnce(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(generated)
		first := c.secret("lab-token")
		if first == nil || !metav1.IsControlledBy(first, c.get()) {
			t.Fatalf("Secret %v", first)
		}
		token := string(first.Data["token"])
		if !regexp.MustCompile(`^[A-Za-z0-9]{26,}$`).MatchString(token) {
			t.Errorf("token %q", token)
		}
		var found *corev1.EnvVar
		for i, variable := range c.pod().Spec.Containers[0].Env {
			if variable.Name == "SPARK_CONNECT_AUTHENTICATE_TOKEN" {
				found = &c.pod().Spec.Containers[0].Env[i]
			}
		}
		if found == nil || found.Value != "" || found.ValueFrom.SecretKeyRef.Name != "lab-token" || found.ValueFrom.SecretKeyRef.Key != "token" {
			t.Errorf("variable %+v", found)
		}
		if endpoint := c.get().Status.Endpoint; endpoint != "sc://lab-server.jobs.svc:15002/;authorization=Bearer%20TOKEN" {
			t.Errorf("endpoint %s", endpoint)
		}
		if note := c.notes[eventReady]; note != "The server accepts sessions at sc://lab-server.jobs.svc:15002" {
			t.Errorf("event %q", note)
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) })
		c.letPass(time.Minute)
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = nil })
		c.letPass(time.Second)
		c.report(running(true))
		c.want(ready, reasonReady, "")
		if again := c.secret("lab-token"); again.ResourceVersion != first.ResourceVersion {
			t.Error("the Secret was written again")
		}
		c.says(token)
	})
}

// TestServerWaitsForItsToken: a token that cannot be used is reported, and the server
// starts once it is corrected.
func TestServerWaitsForItsToken(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.add(connect(tokenFrom("team", "secret-key")))
		for _, step := range []struct {
			data            map[string]string
			reason, message string
		}{
			{nil, reasonTokenMissing, "Secret team, which spec.authentication names, does not exist; create it with the key secret-key"},
			{map[string]string{"token": "abc"}, reasonTokenMissing, "Secret team, which spec.authentication names, has no key secret-key; add it"},
			{map[string]string{"secret-key": ""}, reasonTokenInvalid, "the value of the key secret-key in Secret team is empty"},
			{map[string]string{"secret-key": "Abc123\n"}, reasonTokenInvalid, "ends with a newline"},
			{map[string]string{"secret-key": "Abc123=="}, reasonTokenInvalid, "contains '='"},
			{map[string]string{"secret-key": "Abc;123"}, reasonTokenInvalid, "contains ';'"},
			{map[string]string{"secret-key": "Abc 123"}, reasonTokenInvalid, "contains a blank"},
			{map[string]string{"secret-key": strings.Repeat("a", 4097)}, reasonTokenInvalid, "is longer than 4096 bytes"},
		} {
			c.setSecret("team", step.data)
			c.letPass(time.Minute)
			c.want(provisioning, step.reason, step.message)
			c.says("Abc")
			if c.pod() != nil {
				t.Fatal("a server was started")
			}
		}
		c.setSecret("team", map[string]string{"secret-key": "Abc123"})
		c.letPass(time.Minute)
		c.report(running(true))
		c.want(ready, reasonReady, "")
		c.says("Abc123")
		for _, entry := range c.log {
			if strings.Contains(entry, "secrets") {
				t.Errorf("the Secret of the user: %s", entry)
			}
		}
	})
}

// TestForeignSecretIsNeverTouched: a Secret with the name of a generated one is reported.
func TestForeignSecretIsNeverTouched(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.setSecret("lab-token", map[string]string{"token": "Abc123"})
		before := c.secret("lab-token").ResourceVersion
		c.add(connect(generated))
		c.letPass(time.Minute)
		c.want(provisioning, reasonNameTaken, "Secret lab-token exists and belongs to no known owner; delete it or rename the SparkConnect")
		if c.secret("lab-token").ResourceVersion != before || c.pod() != nil {
			t.Error("the Secret was changed, or a server started")
		}
		c.setSecret("lab-token", nil)
		c.letPass(2 * time.Minute)
		c.report(running(true))
		c.want(ready, reasonReady, "")
	})
}

// TestServerWithoutRightsOnSecretsWaits: what is missing is the right, and that is said.
func TestServerWithoutRightsOnSecretsWaits(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.change(func() {
			c.refuse = func(action clienttesting.Action) error {
				if action.GetResource() != secretsResource {
					return nil
				}
				return apierrors.NewForbidden(secretsResource.GroupResource(), "lab-token", fmt.Errorf(`User "operator" cannot create resource "secrets" in API group "" in the namespace "jobs"`))
			}
		})
		c.add(connect(generated))
		c.letPass(time.Minute)
		c.want(provisioning, "NotPermitted", `cannot create resource "secrets"`)
		c.change(func() { c.refuse = nil })
		c.letPass(2 * time.Minute)
		c.report(running(true))
		c.want(ready, reasonReady, "")
	})
}
