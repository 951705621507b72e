// SPDX-License-Identifier: Apache-2.0

package apipath

import (
	"net/http"
	"strings"
)

// Call returns the verb and the resource of a request, such as update and
// sparkapplications/status. Requests for no resource, such as discovery, have the
// resource none. The operator calls few resources, so both have few values.
func Call(request *http.Request) (verb, resource string) {
	target := Parse(request.URL.Path)
	if target.Resource == "" {
		return strings.ToLower(request.Method), "none"
	}
	resource = target.Resource
	if target.Subresource != "" {
		resource += "/" + target.Subresource
	}
	named := target.Name != ""
	switch request.Method {
	case http.MethodGet:
		switch query := request.URL.Query(); {
		case query.Get("watch") == "true" || query.Get("watch") == "1":
			return "watch", resource
		case !named:
			return "list", resource
		}
		return "get", resource
	case http.MethodPost:
		return "create", resource
	case http.MethodPut:
		return "update", resource
	case http.MethodDelete:
		if !named {
			return "deletecollection", resource
		}
	}
	return strings.ToLower(request.Method), resource
}
