// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/internal/cputime"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

// serveEnv makes the test program a driver in a process of its own, so that its processor time
// is not that of the sampler.
const serveEnv = "SAMPLER_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) == "" {
		os.Exit(m.Run())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		if name == "json" {
			name = "metrics"
		}
		http.ServeFile(w, r, "../testdata/spark-4.3-structured/"+name+".json")
	})}
	go func() { _, _ = os.Stdin.Read(make([]byte, 1)); os.Exit(0) }() // the benchmark has ended
	panic(server.Serve(listener))
}

// BenchmarkSample is what one sample of a driver costs, over a connection of its own: the figures
// of 16 jobs of a streaming query with its input rate, and in each fourth sample the peaks. It
// reports the share of a core that 1,000 drivers take that are sampled every 30 s.
func BenchmarkSample(b *testing.B) {
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	server := exec.CommandContext(b.Context(), program)
	server.Env = append(os.Environ(), serveEnv+"=1")
	input, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = input.Close(); _ = server.Wait() })
	lines := bufio.NewScanner(output)
	if !lines.Scan() {
		b.Fatal("the driver does not start")
	}
	target, client := poller.Pod{Address: lines.Text(), ApplicationID: "local-1"}, webui.NewClient(timeout)
	b.ReportAllocs()
	before, n := cputime.Used(), 0
	for b.Loop() {
		s, err := sample(b.Context(), client, &target, n%peaksEvery == 0)
		if err != nil || s.StagesTotal == 0 || !s.HasRate {
			b.Fatalf("%+v, %v", s, err)
		}
		client.CloseIdleConnections() // the next sample is of another driver
		n++
	}
	each := (cputime.Used() - before) / time.Duration(n)
	b.ReportMetric(float64(each.Microseconds()), "CPU-µs/op")
	b.ReportMetric(100*each.Seconds()*1000/30, "%core/1000drivers")
}
