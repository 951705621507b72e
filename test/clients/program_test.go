// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a client may take for what it is asked for. Airflow takes long
// to start on a busy machine.
const patience = 3 * time.Minute

// program is a client that runs and answers requests; serve.py is its other end.
type program struct {
	stdin io.WriteCloser
	log   *os.File
	ended chan struct{} // closed when no answers come any more

	lock    sync.Mutex
	last    int
	waiting map[string]chan answer
}

type answer struct {
	ID     string          `json:"id"`
	Answer json.RawMessage `json:"answer"`
	Error  string          `json:"error"`
}

// run starts a program of this folder with the Python of a client.
func (w *world) run(client, file, folder string) (*program, error) {
	log, err := os.Create(filepath.Join(folder, client+".log"))
	if err != nil {
		return nil, err
	}
	// What Python compiles goes to the cache, too, and not to the checkout.
	command := exec.Command(filepath.Join(w.clients, client, "bin", "python"), "-X", "pycache_prefix="+filepath.Join(w.clients, "compiled"), file)
	// The result must not depend on how this user has set up Airflow or Python.
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "AIRFLOW_HOME=" + filepath.Join(folder, "airflow"), "KUBECONFIG=" + w.Kubeconfig,
		`AIRFLOW_CONN_KUBERNETES_DEFAULT={"conn_type": "kubernetes"}`,
	}
	command.Stderr = log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", client, err)
	}
	p := &program{stdin: stdin, log: log, ended: make(chan struct{}), waiting: map[string]chan answer{}}
	go p.listen(stdout)
	ends = append(ends, func() {
		_ = stdin.Close()
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // with what still works on a request
		<-p.ended
		_ = command.Wait()
		_ = log.Close()
	})
	return p, nil
}

// listen hands out answers.
func (p *program) listen(stdout io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var got answer
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			got.Error = fmt.Sprintf("%v: %s", err, lines.Text())
		}
		p.lock.Lock()
		if waits, ok := p.waiting[got.ID]; ok {
			waits <- got
		}
		p.lock.Unlock()
	}
}

// ask sends a request and decodes its answer.
func (p *program) ask(t *testing.T, do string, request map[string]any, into any) {
	t.Helper()
	if err := p.tryAsk(t, do, request, into); err != nil {
		text, _ := os.ReadFile(p.log.Name())
		t.Fatalf("%s: %v\nthe end of its log:\n%s", do, err, text[max(0, len(text)-4000):])
	}
}

func (p *program) tryAsk(t *testing.T, do string, request map[string]any, into any) error {
	p.lock.Lock()
	p.last++
	id := strconv.Itoa(p.last)
	comes := make(chan answer, 1)
	p.waiting[id] = comes
	p.lock.Unlock()

	request = maps.Clone(request)
	request["id"], request["do"] = id, do
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	p.lock.Lock()
	_, err = io.Copy(p.stdin, bytes.NewReader(append(line, '\n')))
	p.lock.Unlock()
	if err != nil {
		return err
	}
	select {
	case got := <-comes:
		if got.Error != "" {
			return errors.New(got.Error)
		}
		return json.Unmarshal(got.Answer, into)
	case <-p.ended:
		return errors.New("the program ended")
	case <-time.After(patience):
		return fmt.Errorf("no answer within %s", patience)
	case <-t.Context().Done():
		return t.Context().Err()
	}
}
