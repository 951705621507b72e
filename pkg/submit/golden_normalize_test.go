// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

// normalizer takes out of both sides what carries no meaning: fields that the
// API server treats as absent, the notation of quantities, and orders that come
// from hash maps or from a shuffle in the real client. Nothing else is touched.
type normalizer struct {
	in              submit.Input
	ids             *goldenCase
	userVolumes     map[string]bool
	secretVolumes   map[string]bool
	driverVariables map[string]bool
}

func newNormalizer(c *goldenCase, in submit.Input) *normalizer {
	n := &normalizer{
		in: in, ids: c,
		userVolumes: map[string]bool{}, secretVolumes: map[string]bool{}, driverVariables: map[string]bool{},
	}
	for key := range in.Conf {
		if rest, ok := strings.CutPrefix(key, "spark.kubernetes.driver.volumes."); ok {
			if parts := strings.SplitN(rest, ".", 3); len(parts) == 3 {
				n.userVolumes[parts[1]] = true
			}
		}
		if secret, ok := strings.CutPrefix(key, "spark.kubernetes.driver.secrets."); ok {
			n.secretVolumes[secret+"-volume"] = true
		}
		if name, ok := strings.CutPrefix(key, "spark.kubernetes.driverEnv."); ok {
			n.driverVariables[name] = true
		}
	}
	return n
}

// recorded applies the library's deterministic choices to the recorded side:
// claims are numbered in the order of volume names and scratch directories keep
// the order in which they were given.
func (n *normalizer) recorded(requests, built []request) {
	for _, r := range requests {
		n.renumberClaims(r.body)
		if r.kind() == "Pod" || r.field("spec", "containers") != nil {
			n.restoreLocalDirs(r, built)
		}
	}
}

var claimNumber = regexp.MustCompile(`-driver-pvc-(\d+)`)

// renumberClaims replaces the position of a volume in the client's hash map by
// the position of its name among the sorted names of all driver volumes.
func (n *normalizer) renumberClaims(tree any) {
	sorted := slices.Sorted(maps.Keys(n.userVolumes))
	renumber := func(name string) string {
		return claimNumber.ReplaceAllStringFunc(name, func(found string) string {
			number := claimNumber.FindStringSubmatch(found)[1]
			for volume, index := range n.ids.IDs.ClaimIndex {
				if strconv.Itoa(index) == number {
					return "-driver-pvc-" + strconv.Itoa(slices.Index(sorted, volume))
				}
			}
			return found
		})
	}
	walk(tree, func(object map[string]any) {
		for _, key := range []string{"claimName", "name"} {
			if name, ok := object[key].(string); ok {
				object[key] = renumber(name)
			}
		}
	})
}

// restoreLocalDirs undoes the shuffle of scratch directories.
func (n *normalizer) restoreLocalDirs(pod request, built []request) {
	container := driverContainer(pod)
	variable := environmentVariable(container, "SPARK_LOCAL_DIRS")
	if variable == nil {
		return
	}
	recorded := strings.Split(text(variable["value"]), ",")
	onUserVolumes := slices.ContainsFunc(slices.Collect(maps.Keys(n.userVolumes)), func(name string) bool {
		return strings.HasPrefix(name, "spark-local-dir-")
	})
	if onUserVolumes {
		// The mounts are in hash order or shuffled; here they follow the mounts.
		ours := localMountPaths(built)
		if sameElements(recorded, ours) {
			variable["value"] = strings.Join(ours, ",")
		}
		return
	}
	given := orElse(n.in.Env["SPARK_LOCAL_DIRS"], n.in.Conf["spark.local.dir"])
	order := n.ids.IDs.LocalDirsOrder
	if len(order) == 0 || given == "" {
		return
	}
	dirs := strings.Split(strings.TrimRight(given, ","), ",")
	if !slices.Equal(order, recorded) || !sameElements(order, dirs) {
		return
	}
	variable["value"] = strings.Join(dirs, ",")
	for _, mount := range objects(container["volumeMounts"]) {
		i, err := strconv.Atoi(strings.TrimPrefix(text(mount["name"]), "spark-local-dir-"))
		if err == nil && i >= 1 && i <= len(dirs) && mount["mountPath"] == order[i-1] {
			mount["mountPath"] = dirs[i-1]
		}
	}
}

// localMountPaths returns where the built driver container mounts scratch
// volumes, in order.
func localMountPaths(built []request) (paths []string) {
	for _, r := range built {
		if r.kind() != "Pod" {
			continue
		}
		for _, mount := range objects(driverContainer(r)["volumeMounts"]) {
			if strings.HasPrefix(text(mount["name"]), "spark-local-dir-") {
				paths = append(paths, text(mount["mountPath"]))
			}
		}
	}
	return paths
}

// both normalizes the requests of one side in place.
func (n *normalizer) both(requests []request) error {
	for _, r := range requests {
		metadata, ok := r.body["metadata"].(map[string]any)
		if !ok {
			return fmt.Errorf("%s without metadata", r.kind())
		}
		// Most bodies leave the namespace to the request's path, which is compared.
		delete(metadata, "namespace")
		dropUnset(r.body)
		canonicalQuantities(r.body)
		if r.field("spec", "containers") != nil {
			if err := n.sortPod(r); err != nil {
				return err
			}
		}
	}
	isClaim := func(r request) bool { return r.kind() == "PersistentVolumeClaim" }
	sortRuns(requests, isClaim, request.name)
	return nil
}

// sortPod brings the groups that the client takes from hash maps into the order
// of names.
func (n *normalizer) sortPod(pod request) error {
	spec, _ := pod.body["spec"].(map[string]any)
	container := driverContainer(pod)
	volumes, mounts, env := elements(spec["volumes"]), elements(container["volumeMounts"]), elements(container["env"])
	for _, group := range []map[string]bool{n.secretVolumes, n.userVolumes} {
		in := func(e any) bool { return group[nameOf(e)] }
		if order, mounted := namesIn(volumes, in), namesIn(mounts, in); !slices.Equal(order, mounted) {
			return fmt.Errorf("volumes %q are mounted in the order %q", order, mounted)
		}
		sortRuns(volumes, in, nameOf)
		sortRuns(mounts, in, nameOf)
	}

	// driverEnv's variables stand right before SPARK_DRIVER_BIND_ADDRESS,
	// references to secrets right after it.
	bindAddress := slices.IndexFunc(env, func(e any) bool {
		variable, _ := e.(map[string]any)
		return nameOf(e) == "SPARK_DRIVER_BIND_ADDRESS" && variable["valueFrom"] != nil
	})
	if bindAddress >= 0 {
		before := env[max(0, bindAddress-len(n.driverVariables)):bindAddress]
		sortRuns(before, func(e any) bool { return n.driverVariables[nameOf(e)] }, nameOf)
	}
	sortRuns(env[bindAddress+1:], func(e any) bool {
		_, isReference := request{body: map[string]any{"e": e}}.field("e", "valueFrom", "secretKeyRef").(map[string]any)
		return isReference
	}, nameOf)

	for _, volume := range objects(spec["volumes"]) {
		if volume["name"] == "hadoop-properties" { // in the order of the directory
			items := elements(request{body: volume}.field("configMap", "items"))
			sortRuns(items, func(any) bool { return true }, func(e any) string {
				item, _ := e.(map[string]any)
				return text(item["key"])
			})
		}
	}
	return nil
}

// unset lists values that the API server treats like an absent field: the
// client always sends some of them, Go's types others.
var unset = map[string][]string{
	"subPath":                  {`""`},
	"subPathExpr":              {`""`},
	"readOnly":                 {`false`},
	"type":                     {`""`},
	"medium":                   {`""`},
	"publishNotReadyAddresses": {`false`},
	"annotations":              {`{}`},
	"labels":                   {`{}`},
	"nodeSelector":             {`{}`},
	"data":                     {`{}`},
	"items":                    {`[]`},
	"divisor":                  {`"0"`},
	"resources":                {`{}`},
	"status":                   {`{}`, `{"loadBalancer":{}}`},
	"strategy":                 {`{}`},
	"creationTimestamp":        {`null`},
	"value":                    {`""`},
	"name":                     {`""`},
	"image":                    {`""`},
	"tty":                      {`false`},
}

func dropUnset(tree any) {
	walk(tree, func(object map[string]any) {
		for key, values := range unset {
			value, present := object[key]
			if !present {
				continue
			}
			encoded, err := json.Marshal(value)
			if err == nil && slices.Contains(values, string(encoded)) {
				delete(object, key)
			}
		}
	})
}

// canonicalQuantities writes quantities in one notation.
func canonicalQuantities(tree any) {
	replace := func(object map[string]any, key string) {
		value, present := object[key]
		if !present {
			return
		}
		if q, err := resource.ParseQuantity(fmt.Sprint(value)); err == nil {
			object[key] = resource.NewDecimalQuantity(*q.AsDec(), resource.DecimalSI).String()
		}
	}
	walk(tree, func(object map[string]any) {
		replace(object, "sizeLimit")
		replace(object, "divisor")
		resources := request{body: object}
		for _, group := range []string{"limits", "requests"} {
			if quantities, ok := resources.field("resources", group).(map[string]any); ok {
				for name := range quantities {
					replace(quantities, name)
				}
			}
		}
	})
}

// userKeys are fields whose value is a map with keys of the user's choice.
var userKeys = []string{"labels", "matchLabels", "annotations", "nodeSelector", "selector", "data", "limits", "requests"}

// walk calls visit for every object with fields in a tree, outermost first.
func walk(tree any, visit func(map[string]any)) {
	switch node := tree.(type) {
	case map[string]any:
		visit(node)
		for key, child := range node {
			if !slices.Contains(userKeys, key) {
				walk(child, visit)
			}
		}
	case []any:
		for _, child := range node {
			walk(child, visit)
		}
	}
}

// sortRuns sorts each run of neighbours that belong to a group by name; elements
// outside of the group keep their places.
func sortRuns[E any](list []E, in func(E) bool, name func(E) string) {
	for start := 0; start < len(list); start++ {
		end := start
		for end < len(list) && in(list[end]) {
			end++
		}
		slices.SortStableFunc(list[start:end], func(a, b E) int { return cmp.Compare(name(a), name(b)) })
		start = end
	}
}

func driverContainer(pod request) map[string]any {
	containers := objects(pod.field("spec", "containers"))
	if len(containers) == 0 {
		return nil
	}
	return containers[len(containers)-1] // Spark appends it
}

func environmentVariable(container map[string]any, name string) map[string]any {
	for _, variable := range slices.Backward(objects(container["env"])) {
		if variable["name"] == name {
			return variable
		}
	}
	return nil
}

func elements(list any) []any {
	l, _ := list.([]any)
	return l
}

func objects(list any) []map[string]any {
	var all []map[string]any
	for _, element := range elements(list) {
		if object, ok := element.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}

func nameOf(element any) string {
	object, _ := element.(map[string]any)
	return text(object["name"])
}

func namesIn(list []any, in func(any) bool) (names []string) {
	for _, element := range list {
		if in(element) {
			names = append(names, nameOf(element))
		}
	}
	return names
}

func sameElements(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
