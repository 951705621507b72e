// SPDX-License-Identifier: Apache-2.0

// Package apipath reads the paths of requests to the API server.
package apipath

import (
	"slices"
	"strings"
)

// Target is what a path stands for. Paths of no resource, such as those of discovery,
// have an empty Resource.
type Target struct {
	// Object is the path of the object or, without a name, that of the resource.
	Object                                 string
	Namespace, Resource, Name, Subresource string
}

// Parse reads /api/v1/... and /apis/GROUP/VERSION/..., behind whatever prefix a proxy has.
func Parse(path string) Target {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	root := slices.IndexFunc(parts, func(part string) bool { return part == "api" || part == "apis" })
	if root < 0 {
		return Target{Object: path}
	}
	first := root + 2 // after the version
	if parts[root] == "apis" {
		first++
	}
	at := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	var target Target
	if at(first) == "namespaces" && at(first+2) != "" {
		target.Namespace = at(first + 1)
		first += 2
	}
	target.Resource, target.Name, target.Subresource = at(first), at(first+1), at(first+2)
	target.Object = "/" + strings.Join(parts[:min(first+2, len(parts))], "/")
	return target
}
