// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/spark-operator/spark-operator/test/sim"
)

// Fields of the messages of Spark Connect, as its base.proto and relations.proto number them.
const (
	requestSession, requestUser, requestPlan = 1, 2, 3
	userID, planRoot, relationSQL, sqlQuery  = 1, 1, 10, 1
)

// runQuery runs a query as clients of Spark Connect do, in a session of its own. The token
// is empty for none.
func runQuery(ctx context.Context, address, token, query string) error {
	field := func(number byte, value []byte) []byte { // of Protocol Buffers, with a length
		return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(value))), value...)
	}
	request := field(requestSession, []byte(uuid.NewUUID()))
	request = append(request, field(requestUser, field(userID, []byte("e2e")))...)
	request = append(request, field(requestPlan, field(planRoot, field(relationSQL, field(sqlQuery, []byte(query)))))...)
	return call(ctx, address, token, "/spark.connect.SparkConnectService/ExecutePlan", request)
}

// call makes a gRPC call without TLS, and returns how it ended.
func call(ctx context.Context, address, token, method string, message []byte) error {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	body := []byte{0} // not compressed
	body = binary.BigEndian.AppendUint32(body, uint32(len(message)))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+method, bytes.NewReader(append(body, message...)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	end := response.Trailer
	if len(end) == 0 { // nothing came before the end
		end = response.Header
	}
	if status := end.Get("Grpc-Status"); status != "0" {
		return fmt.Errorf("%s: gRPC status %q: %s", method, status, end.Get("Grpc-Message"))
	}
	return nil
}

// python is the released client of Python in a role of connect_client.py, which is to be
// started.
func python(t *testing.T, address, token, role string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), "hack/clients.sh")
	command.Dir, command.Stderr = sim.Repository, os.Stderr
	clients, err := command.Output()
	if err != nil {
		t.Fatalf("hack/clients.sh: %v", err)
	}
	folder := strings.TrimSpace(string(clients))
	// A client sends tokens without TLS to this host alone.
	_, port, _ := strings.Cut(address, ":")
	command = exec.CommandContext(t.Context(), filepath.Join(folder, "pyspark", "bin", "python"), "-X", "pycache_prefix="+filepath.Join(folder, "compiled"),
		"connect_client.py", role, "sc://localhost:"+port)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TOKEN=" + token}
	return command
}

// runPython has the client connect to a server: with its token, which is to be accepted, and
// with another one and none, which are not.
func runPython(t *testing.T, address, token string) {
	t.Helper()
	if output, err := python(t, address, token, "check").CombinedOutput(); err != nil {
		t.Errorf("the client of Python: %v\n%s", err, tail(string(output), 40))
	}
}

// pythonClient is a client that runs beside the test.
type pythonClient struct {
	t       *testing.T
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	errors  bytes.Buffer
}

// startPython starts a client, which ends with the test at the latest.
func startPython(t *testing.T, address, token, role string) *pythonClient {
	t.Helper()
	c := &pythonClient{t: t, command: python(t, address, token, role)}
	c.command.Stderr = &c.errors
	var err error
	if c.in, err = c.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

// untilSays waits until the client prints a word.
func (c *pythonClient) untilSays(word string) {
	c.t.Helper()
	for c.out.Scan() {
		if c.out.Text() == word {
			return
		}
	}
	_ = c.command.Wait()
	c.t.Fatalf("the client of Python never said %q: %s", word, tail(c.errors.String(), 40))
}

// kill ends the client with SIGKILL: it says nothing to the server.
func (c *pythonClient) kill() {
	if c.command.ProcessState == nil {
		_ = c.command.Process.Kill()
		_ = c.command.Wait()
	}
}
