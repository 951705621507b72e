// SPDX-License-Identifier: Apache-2.0

package webui_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/pkg/webui"
)

// TestAddressesThatAreNoPodsAreRefused: the status of a pod may come from a user.
func TestAddressesThatAreNoPodsAreRefused(t *testing.T) {
	for _, test := range []struct {
		ip   string
		port int32
		want string
	}{
		{"10.0.0.1", 4040, "10.0.0.1:4040"}, {"fd00::1", 4040, "[fd00::1]:4040"}, {"100.64.0.1", 1, "100.64.0.1:1"}, {"2001:db8::1", 65535, "[2001:db8::1]:65535"},
		{"10.0.0.1", 0, ""}, {"10.0.0.1", 70000, ""}, {"10.0.0.1", -1, ""}, {"10.0.0.1:80", 4040, ""}, {"", 4040, ""}, {"metadata.internal", 4040, ""},
		{"169.254.169.254", 80, ""}, {"::ffff:169.254.169.254", 80, ""}, {"fe80::1", 4040, ""}, {"fe80::1%eth0", 4040, ""}, {"fd00::1%eth0", 4040, ""},
		{"fd00:ec2::254", 80, ""}, {"fd00:ec2::23", 80, ""}, {"fd20:ce::254", 80, ""}, {"168.63.129.16", 80, ""}, {"::ffff:168.63.129.16", 80, ""}, {"100.100.100.200", 80, ""},
		{"64:ff9b::a9fe:a9fe", 80, ""}, {"64:ff9b:1::a9fe:a9fe", 80, ""}, {"2002:a9fe:a9fe::1", 80, ""}, {"fd00:ec3::1", 80, "[fd00:ec3::1]:80"},
		{"0.0.0.0", 4040, ""}, {"::", 4040, ""}, {"224.0.0.1", 4040, ""}, {"ff02::1", 4040, ""}, {"255.255.255.255", 4040, ""},
	} {
		if got := webui.Address(test.ip, test.port); got != test.want {
			t.Errorf("%s, %d: %q, want %q", test.ip, test.port, got, test.want)
		}
	}
}

// TestClientStaysAtTheAddress: a redirect is an answer like any other.
func TestClientStaysAtTheAddress(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	visits := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visits++
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	defer server.Close()
	client := webui.NewClient(10 * time.Second)
	defer client.CloseIdleConnections()
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusFound || visits != 1 {
		t.Errorf("status %d after %d visits", response.StatusCode, visits)
	}
}
