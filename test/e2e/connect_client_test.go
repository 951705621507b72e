// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/spark-operator/spark-operator/test/sim"
)

// Fields of the messages of Spark Connect, as its base.proto and relations.proto number them.
const (
	requestSession, requestUser, requestPlan, requestAnalyzeVersion = 1, 2, 3, 10
	userID, planRoot, relationSQL, sqlQuery                         = 1, 1, 10, 1
)

// field is a field of Protocol Buffers that has a length.
func field(number byte, value []byte) []byte {
	return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(value))), value...)
}

// fromSession is the start of a request.
func fromSession(session string) []byte {
	return append(field(requestSession, []byte(session)), field(requestUser, field(userID, []byte("e2e")))...)
}

// runQuery runs a query as clients of Spark Connect do, in a session of its own. The token
// is empty for none.
func runQuery(ctx context.Context, address, token, query string) error {
	plan := field(requestPlan, field(planRoot, field(relationSQL, field(sqlQuery, []byte(query)))))
	return call(ctx, address, token, "/spark.connect.SparkConnectService/ExecutePlan", append(fromSession(string(uuid.NewUUID())), plan...))
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
	// A client sends tokens without TLS to this host alone.
	_, port, _ := strings.Cut(address, ":")
	command := script(t, "connect_client.py", role, "sc://localhost:"+port)
	command.Env = append(command.Env, "TOKEN="+token)
	return command
}

// script is a program in Python, which finds the released client of Spark Connect, and is to
// be started.
func script(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	folder := clientsFolder(t)
	arguments = append([]string{"-X", "pycache_prefix=" + filepath.Join(folder, "compiled")}, arguments...)
	command := exec.CommandContext(t.Context(), filepath.Join(folder, "pyspark", "bin", "python"), arguments...)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	return command
}

// clientsFolder holds the released clients.
func clientsFolder(t *testing.T) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "hack/clients.sh")
	command.Dir, command.Stderr = sim.Repository, os.Stderr
	folder, err := command.Output()
	if err != nil {
		t.Fatalf("hack/clients.sh: %v", err)
	}
	return strings.TrimSpace(string(folder))
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
	return start(t, python(t, address, token, role))
}

// startSDK starts a client that has the Kubeflow SDK create the server of a name and connect
// to it. The SDK finds kubectl in the PATH.
func startSDK(t *testing.T, name string, conf map[string]string) *pythonClient {
	t.Helper()
	properties, err := json.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	command := script(t, "connect_sdk.py", name, jobNamespace, serviceAccount, cluster.sparkImage, cluster.sparkVersion, string(properties))
	packages, err := filepath.Glob(filepath.Join(clientsFolder(t), "kubeflow", "lib", "python3*", "site-packages"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("packages of the Kubeflow SDK: %q, %v", packages, err)
	}
	programs, err := exec.CommandContext(t.Context(), sim.Program(t, "localcluster"), "programs").Output()
	if err != nil {
		t.Fatalf("localcluster programs: %v", err)
	}
	command.Env = append(command.Env, "PYTHONPATH="+packages[0], "KUBECONFIG="+os.Getenv("KUBECONFIG"),
		"PATH="+strings.TrimSpace(string(programs))+":"+os.Getenv("PATH"))
	return start(t, command)
}

func start(t *testing.T, command *exec.Cmd) *pythonClient {
	t.Helper()
	c := &pythonClient{t: t, command: command}
	c.command.Stderr = &c.errors
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
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
	begin := time.Now()
	for c.out.Scan() {
		if c.out.Text() == word {
			c.t.Logf("the client of Python says %s after %v", word, time.Since(begin).Round(100*time.Millisecond))
			return
		}
	}
	_ = c.command.Wait()
	c.t.Fatalf("the client of Python never said %q: %s", word, tail(c.errors.String(), 40))
}

// kill ends the client, with the port-forward that the SDK started, with SIGKILL: it says
// nothing to the server.
func (c *pythonClient) kill() {
	if c.command.ProcessState == nil {
		_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
		_ = c.command.Wait()
	}
}
