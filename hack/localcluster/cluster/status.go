// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spark-operator/spark-operator/hack/localcluster/node"
)

// Status is what is known of a cluster from the outside.
type Status struct {
	Name string
	// Up is whether the node runs, and Ready whether it can run pods; Reason says why not.
	Up, Ready bool
	Reason    string
	// Server is the URL of the API server, and Version its version.
	Server, Version string
	Components      []Component
}

// Component is a program of the node.
type Component struct {
	Name string
	// PID is the process id as the host sees it, 0 while the component does not run.
	PID int
	// Exits counts how often it has ended, and LastExit says how it did last.
	Exits    int
	LastExit string
}

// Status looks at the cluster. A cluster that is down is no error.
func (c *Cluster) Status(ctx context.Context) (Status, error) {
	status := Status{Name: c.name}
	record, err := c.readRecord()
	if err != nil {
		return status, err
	}
	if !record.Node.Running() {
		status.Reason = "the node does not run"
		return status, nil
	}
	status.Up = true
	status.Server = networkOf(record.Subnet).server()

	state, err := node.ReadState(c.path("state.json"))
	if err != nil {
		status.Reason = err.Error()
		return status, nil //nolint:nilerr // the status contains it
	}
	host := hostPIDs(record.Node.PID)
	for _, component := range state.Components {
		status.Components = append(status.Components, Component{
			Name: component.Name, PID: host[component.PID], Exits: component.Exits, LastExit: component.LastExit,
		})
	}
	status.Ready, status.Reason = state.Ready, state.Waiting
	if err := c.askServer(ctx, &status); err != nil {
		status.Ready, status.Reason = false, err.Error()
	}
	return status, nil
}

// askServer makes sure that the API server is within reach of the host, and asks it for its version.
func (c *Cluster) askServer(ctx context.Context, status *Status) error {
	access, err := c.access(status.Server)
	if err != nil {
		return err
	}
	client, err := access.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := client.Get(ctx, "/version", &version); err != nil {
		return err
	}
	status.Version = version.GitVersion
	return node.Ready(ctx, client, nodeName)
}

// hostPIDs maps the process ids of the node's components, as the node sees them, to those that the host sees. All components
// are children of the node's first process.
func hostPIDs(first int) map[int]int {
	pids := make(map[int]int)
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", first))
	if err != nil {
		return pids
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for child := range strings.FieldsSeq(string(children)) {
			status, err := os.ReadFile("/proc/" + child + "/status")
			if err != nil {
				continue
			}
			if outer, inner, ok := parseNamespacePIDs(string(status)); ok {
				pids[inner] = outer
			}
		}
	}
	return pids
}

// parseNamespacePIDs reads the line NSpid of /proc/PID/status (proc(5)): the process id in each namespace from the reader's
// one inwards.
func parseNamespacePIDs(status string) (outer, inner int, ok bool) {
	for line := range strings.Lines(status) {
		rest, found := strings.CutPrefix(line, "NSpid:")
		if !found {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			return 0, 0, false
		}
		outer, errOuter := strconv.Atoi(fields[0])
		inner, errInner := strconv.Atoi(fields[1])
		return outer, inner, errOuter == nil && errInner == nil
	}
	return 0, 0, false
}

// Write prints the status as a table.
func (s Status) Write(writer io.Writer) error {
	table := tabwriter.NewWriter(writer, 0, 0, 2, ' ', 0)
	switch {
	case !s.Up:
		fmt.Fprintf(table, "cluster %s is down: %s\n", s.Name, s.Reason)
	case !s.Ready:
		fmt.Fprintf(table, "cluster %s at %s is up but not ready: %s\n", s.Name, s.Server, s.Reason)
	default:
		fmt.Fprintf(table, "cluster %s at %s is ready: Kubernetes %s\n", s.Name, s.Server, s.Version)
	}
	if len(s.Components) > 0 {
		fmt.Fprintln(table, "COMPONENT\tSTATE\tPID\tEXITS\tLAST EXIT")
	}
	for _, component := range s.Components {
		state, pid := "running", strconv.Itoa(component.PID)
		if component.PID == 0 {
			state, pid = "not running", "-"
		}
		last := component.LastExit
		if last == "" {
			last = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", component.Name, state, pid, component.Exits, last)
	}
	return table.Flush()
}
