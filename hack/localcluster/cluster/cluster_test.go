// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/hack/localcluster/process"
)

func openTest(t *testing.T) *Cluster {
	t.Helper()
	c, err := Open("test", filepath.Join(t.TempDir(), "cluster"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpen(t *testing.T) {
	for _, name := range []string{"", "-a", "a-", "A", "a/b", "..", strings.Repeat("a", 41)} {
		if _, err := Open(name, "/tmp/x"); err == nil {
			t.Errorf("name %q is accepted", name)
		}
	}
	t.Setenv("XDG_CACHE_HOME", "/cache")
	c, err := Open("two", "")
	if err != nil || c.Kubeconfig() != "/cache/spark-operator/localcluster/clusters/two/kubeconfig" {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestNetworkOf(t *testing.T) {
	for subnet, want := range map[int][2]string{
		0:    {"198.18.0.1", "198.18.0.2"},
		1:    {"198.18.0.5", "198.18.0.6"},
		64:   {"198.18.1.1", "198.18.1.2"},
		1023: {"198.18.15.253", "198.18.15.254"},
	} {
		got := networkOf(subnet)
		if got.host.String() != want[0] || got.node.String() != want[1] {
			t.Errorf("%d: got %v, want %v", subnet, got, want)
		}
		if netip.MustParsePrefix(podRange).Contains(got.node) || netip.MustParsePrefix(serviceRange).Contains(got.node) {
			t.Errorf("%d: %v is in the range of pods or services", subnet, got.node)
		}
	}
}

func TestFreeSubnet(t *testing.T) {
	inUse := []netip.Addr{
		netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.18.0.5"), netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("::1"),
	}
	for preferred, want := range map[int]int{0: 2, 1: 2, 2: 2, 7: 7} {
		if got, err := freeSubnet(preferred, inUse); err != nil || got != want {
			t.Errorf("preferred %d: got %d, %v, want %d", preferred, got, err, want)
		}
	}
	var all []netip.Addr
	for subnet := range subnets {
		all = append(all, networkOf(subnet).host)
	}
	if _, err := freeSubnet(0, all); err == nil {
		t.Error("want an error when every network is in use")
	}
}

func TestHostInterfaceFitsAndDiffers(t *testing.T) {
	a, b := openTest(t).hostInterface(), openTest(t).hostInterface()
	if a == b || len(a) > 15 {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestRender(t *testing.T) {
	c := openTest(t)
	files, err := c.configuration("/usr/lib/cni", true).render()
	if err != nil {
		t.Fatal(err)
	}
	for file, wants := range map[string][]string{
		"containerd.toml": {"version = 4\n", `bin_dirs = ["/usr/lib/cni"]`, `conf_dir = "` + c.path("config", "cni") + `"`, `sandbox = "` + pauseImage + `"`},
		"kubelet.yaml":    {"cgroupRoot: /localcluster-test\n", "clusterDNS: [198.19.0.10]\n", "clientCAFile: " + c.path("config", "pki", "ca.crt")},
		"kube-proxy.yaml": {"masqueradeAll: true\n", "clusterCIDR: 198.18.16.0/20\n"},
		"Corefile":        {"bind 198.19.0.10\n", "kubeconfig " + c.path("config", "coredns.kubeconfig")},
	} {
		for _, want := range wants {
			if !strings.Contains(string(files[file]), want) {
				t.Errorf("%s lacks %q:\n%s", file, want, files[file])
			}
		}
	}
	var cni struct {
		Plugins []struct {
			IPAM struct {
				Ranges [][]struct{ Subnet string }
			}
		}
	}
	if err := json.Unmarshal(files["cni/10-bridge.conflist"], &cni); err != nil || cni.Plugins[0].IPAM.Ranges[0][0].Subnet != podRange {
		t.Errorf("network configuration: %+v, %v", cni, err)
	}
	if content, ok := files["resolv.conf"]; !ok || len(content) > 0 {
		t.Errorf("resolv.conf is %q, %t", content, ok)
	}
}

func TestWriteConfigurationReportsChanges(t *testing.T) {
	c := openTest(t)
	built := programs{kubernetes: "/k", etcd: "/e", containerd: "/c", coredns: "/d", pause: "/p"}
	write := func(programs programs, subnet int) bool {
		t.Helper()
		changed, err := c.writeConfiguration(programs, networkOf(subnet), "/usr/lib/cni")
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	if !write(built, 0) {
		t.Error("the first configuration is no change")
	}
	kubeconfig, err := os.ReadFile(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if write(built, 0) {
		t.Error("the same configuration is a change")
	}
	if again, err := os.ReadFile(c.Kubeconfig()); err != nil || string(again) != string(kubeconfig) {
		t.Errorf("the kubeconfig file has changed without a reason: %v", err)
	}
	newer := built
	newer.etcd = "/e2"
	if !write(newer, 0) {
		t.Error("another version is no change")
	}
	if !write(newer, 1) {
		t.Error("another network is no change")
	}
	if again, err := os.ReadFile(c.Kubeconfig()); err != nil || !strings.Contains(string(again), "https://198.18.0.6:6443") {
		t.Errorf("the kubeconfig file does not have the new address: %v", err)
	}
}

func TestParseCgroupMounts(t *testing.T) {
	const hybrid = `sysfs /sys sysfs rw 0 0
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
`
	want := []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"}
	if got := parseCgroupMounts(hybrid); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRemoveCgroup(t *testing.T) {
	root := filepath.Join(t.TempDir(), "localcluster-test")
	for _, group := range []string{"kubepods/burstable/pod1/c1", "kubepods/burstable/pod1/c2", "kubepods/pod2"} {
		if err := os.MkdirAll(filepath.Join(root, group), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeCgroup(root); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("the group is still there")
	}
	if err := removeCgroup(root); err != nil {
		t.Errorf("a group that is not there: %v", err)
	}
}

func TestParseNamespacePIDs(t *testing.T) {
	outer, inner, ok := parseNamespacePIDs("Name:\tetcd\nNSpid:\t17105\t24\nNSpgid:\t1\t2\n")
	if !ok || outer != 17105 || inner != 24 {
		t.Errorf("got %d, %d, %t", outer, inner, ok)
	}
	for _, status := range []string{"", "NSpid:\t17105\n", "NSpid:\tx\ty\n"} {
		if _, _, ok := parseNamespacePIDs(status); ok {
			t.Errorf("%q is accepted", status)
		}
	}
}

func TestStatusOfAClusterThatIsDown(t *testing.T) {
	c := openTest(t)
	check := func(state string) {
		t.Helper()
		status, err := c.Status(t.Context())
		if err != nil || status.Up || status.Ready {
			t.Errorf("%s: got %+v, %v", state, status, err)
		}
		if _, err := c.Running(); err == nil || !strings.Contains(err.Error(), "localcluster up") {
			t.Errorf("%s: got %v", state, err)
		}
	}
	check("never started")

	// The process id is in use, but by another process than the node's.
	other, err := process.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	other.StartTicks++
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.writeRecord(record{Node: other}); err != nil {
		t.Fatal(err)
	}
	check("another process has the id")

	if err := os.WriteFile(c.path("cluster.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "cluster.json") {
		t.Errorf("a damaged file: got %v", err)
	}
}

func TestDownWithoutACluster(t *testing.T) {
	c := openTest(t)
	var progress strings.Builder
	if err := c.Down(t.Context(), true, &progress); err != nil || progress.String() != "cluster test is down\n" {
		t.Errorf("got %q, %v", progress.String(), err)
	}
	if _, err := os.Stat(c.dir); err == nil {
		t.Error("a folder has been made")
	}
}

func TestStatusWrite(t *testing.T) {
	status := Status{
		Name: "test", Up: true, Ready: true, Server: "https://198.18.0.2:6443", Version: "v1.36.3",
		Components: []Component{{Name: "etcd", PID: 7}, {Name: "kube-apiserver", Exits: 2, LastExit: "exit status 1"}},
	}
	var table strings.Builder
	if err := status.Write(&table); err != nil {
		t.Fatal(err)
	}
	const want = `cluster test at https://198.18.0.2:6443 is ready: Kubernetes v1.36.3
COMPONENT       STATE        PID  EXITS  LAST EXIT
etcd            running      7    0      -
kube-apiserver  not running  -    2      exit status 1
`
	if table.String() != want {
		t.Errorf("got\n%s\nwant\n%s", table.String(), want)
	}
}
