// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// entrypoint runs spark/entrypoint.sh with stand-ins for tini, java, spark-submit and hadoop, of which all but hadoop
// print their name and arguments, one in a line. env adds to an environment that has little else.
func entrypoint(t *testing.T, env map[string]string, args ...string) (output []string, code int) {
	t.Helper()
	root := t.TempDir()
	for program, script := range map[string]string{
		"path/tini":              `#!/bin/bash` + "\n" + `echo tini "${@:1:2}"; exec "${@:3}"`,
		"java/bin/java":          `#!/bin/bash` + "\n" + `printf '%s\n' java "$@" "LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}"`,
		"spark/bin/spark-submit": `#!/bin/bash` + "\n" + `printf '%s\n' spark-submit "$@"`,
		"hadoop/bin/hadoop":      `#!/bin/bash` + "\n" + `echo "/hadoop/$1/*"`,
	} {
		file := filepath.Join(root, program)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("spark/entrypoint.sh")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("bash", append([]string{script}, args...)...)
	command.Dir = root
	command.Env = []string{"PATH=" + filepath.Join(root, "path") + ":" + os.Getenv("PATH"),
		"SPARK_HOME=" + filepath.Join(root, "spark"), "JAVA_HOME=" + filepath.Join(root, "java")}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		command.Env = append(command.Env, name+"="+strings.ReplaceAll(env[name], "ROOT", root))
	}
	text, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	lines := strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), root, "ROOT")
	return strings.Split(lines, "\n"), command.ProcessState.ExitCode()
}

// executorEnv is what Spark's Kubernetes backend sets on an executor, with more added.
func executorEnv(more map[string]string) map[string]string {
	env := map[string]string{
		"SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@pi-svc.ns.svc:7078", "SPARK_EXECUTOR_ID": "3",
		"SPARK_EXECUTOR_CORES": "2", "SPARK_EXECUTOR_MEMORY": "512m", "SPARK_APPLICATION_ID": "spark-0123",
		"SPARK_EXECUTOR_POD_IP": "198.18.0.7", "SPARK_EXECUTOR_POD_NAME": "pi-exec-3", "SPARK_RESOURCE_PROFILE_ID": "0",
	}
	maps.Copy(env, more)
	return env
}

func want(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("ran\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEntrypointDriver(t *testing.T) {
	got, code := entrypoint(t, map[string]string{"SPARK_DRIVER_BIND_ADDRESS": "198.18.0.5"},
		"driver", "--properties-file", "/opt/spark/conf/spark.properties", "--class", "org.apache.spark.examples.SparkPi", "local:///a b.jar", "", "10")
	want(t, got, []string{
		"tini -s --", "spark-submit",
		"--conf", "spark.driver.bindAddress=198.18.0.5",
		"--conf", "spark.executorEnv.SPARK_DRIVER_POD_IP=198.18.0.5",
		"--deploy-mode", "client",
		"--properties-file", "/opt/spark/conf/spark.properties", "--class", "org.apache.spark.examples.SparkPi", "local:///a b.jar", "", "10",
	})
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestEntrypointExecutor(t *testing.T) {
	got, code := entrypoint(t, executorEnv(nil), "executor")
	want(t, got, []string{
		"tini -s --", "java", "-Xms512m", "-Xmx512m",
		"-cp", "ROOT/spark/conf:ROOT/spark/jars/*:ROOT",
		"org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend",
		"--driver-url", "spark://CoarseGrainedScheduler@pi-svc.ns.svc:7078",
		"--executor-id", "3", "--cores", "2", "--app-id", "spark-0123", "--hostname", "198.18.0.7",
		"--resourceProfileId", "0", "--podName", "pi-exec-3",
		"LD_LIBRARY_PATH=",
	})
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestEntrypointExecutorOptions(t *testing.T) {
	env := executorEnv(map[string]string{
		"SPARK_CONF_DIR": "/opt/spark/conf", "HADOOP_CONF_DIR": "/etc/hadoop", "SPARK_CLASSPATH": "/first.jar",
		"SPARK_EXTRA_CLASSPATH": "/extra/*", "SPARK_EXECUTOR_LIBRARY_PATH": "/native", "LD_LIBRARY_PATH": "/usr/lib",
		"HADOOP_HOME": "ROOT/hadoop", "SPARK_JAVA_OPT_0": "-Dspark.driver.port=7078", "SPARK_JAVA_OPT_1": "-Da=b c",
		"SPARK_JAVA_OPT_2": "-Dtwo=$HOME", "SPARK_JAVA_OPT_10": "-Dten=last",
	})
	got, _ := entrypoint(t, env, "executor")
	want(t, got[:9], []string{
		"tini -s --", "java", "-Dspark.driver.port=7078", "-Da=b c", "-Dtwo=$HOME", "-Dten=last", "-Xms512m", "-Xmx512m", "-cp",
	})
	want(t, got[9:10], []string{"/opt/spark/conf:/etc/hadoop:/first.jar:ROOT/spark/jars/*:/extra/*:/hadoop/classpath/*:ROOT"})
	want(t, got[len(got)-1:], []string{"LD_LIBRARY_PATH=/native:/usr/lib"})
}

func TestEntrypointKeepsTheHadoopClasspathGiven(t *testing.T) {
	got, _ := entrypoint(t, executorEnv(map[string]string{"HADOOP_HOME": "ROOT/hadoop", "SPARK_DIST_CLASSPATH": "/mine/*"}), "executor")
	want(t, got[5:6], []string{"ROOT/spark/conf:ROOT/spark/jars/*:/mine/*:ROOT"})
}

func TestEntrypointRunsOtherCommands(t *testing.T) {
	got, code := entrypoint(t, nil, "bash", "-c", `echo "$1"; exit 7`, "-", "two words")
	want(t, got, []string{"tini -s --", "two words"})
	if code != 7 {
		t.Errorf("exit code %d, want that of the command", code)
	}
}

func TestEntrypointRefuses(t *testing.T) {
	incomplete := executorEnv(nil)
	delete(incomplete, "SPARK_EXECUTOR_POD_NAME")
	for _, c := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, nil, "expected driver, executor or a command"},
		{nil, []string{"driver", "--class", "Main"}, "SPARK_DRIVER_BIND_ADDRESS is not set"},
		{incomplete, []string{"executor"}, "SPARK_EXECUTOR_POD_NAME is not set"},
	} {
		got, code := entrypoint(t, c.env, c.args...)
		if code != 64 || len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%v: printed %q with exit code %d, want %q and 64", c.args, got, code, c.want)
		}
	}
}

func TestDecommission(t *testing.T) {
	script, err := filepath.Abs("spark/decom.sh")
	if err != nil {
		t.Fatal(err)
	}
	pgrep, err := exec.LookPath("pgrep")
	if err != nil {
		t.Fatal("pgrep is not installed; run: apt-get install procps")
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	// A shell under the name of an executor, which ends as Spark's does when it has been decommissioned.
	java := filepath.Join(folder, "java")
	if err := os.Symlink(shell, java); err != nil {
		t.Fatal(err)
	}
	// Sees the processes that this test started and no executor of anybody else.
	confined := fmt.Sprintf("#!/bin/sh\nexec %s --parent %d \"$@\"\n", pgrep, os.Getpid())
	if err := os.WriteFile(filepath.Join(folder, "pgrep"), []byte(confined), 0o755); err != nil {
		t.Fatal(err)
	}
	decommission := func() {
		t.Helper()
		command := exec.Command("bash", script)
		command.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH")}
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}

	limit, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	executor := exec.CommandContext(limit, java, "-c", "trap 'exit 3' PWR; echo ready; while :; do sleep 0.05; done",
		"org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend", "--executor-id", "1")
	ready, err := executor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := executor.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := ready.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- executor.Wait() }()
	decommission()
	if err := <-ended; executor.ProcessState.ExitCode() != 3 {
		t.Errorf("the executor ended with %v, want exit code 3 from its handler of SIGPWR", err)
	}
	decommission() // an executor that ended by itself is no failure
}
