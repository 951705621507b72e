// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// editResources sets memoryLimit and gpu.
func (e *edit) editResources() {
	e.editMemoryLimit()
	if gpu := e.GPU; gpu != nil && gpu.Name != "" && gpu.Quantity > 0 {
		e.setGPU(corev1.ResourceName(gpu.Name), *resource.NewQuantity(gpu.Quantity, resource.DecimalSI))
	}
}

func (e *edit) editMemoryLimit() {
	if text := valueOf(e.MemoryLimit); text != "" {
		if limit, err := ParseMemoryLimit(text); err != nil {
			e.fail(field.Invalid(e.path("memoryLimit"), text, err.Error()))
		} else {
			e.setLimit(corev1.ResourceMemory, limit)
		}
	}
}

// setGPU sets the limit of an extended resource. What the template says loses,
// but Spark schedules tasks by its own properties: these must not contradict.
func (e *edit) setGPU(name corev1.ResourceName, quantity resource.Quantity) {
	resources := &e.container().Resources
	have, set := resources.Limits[name]
	_, inTemplate := e.templateContainer().Resources.Limits[name]
	if set && !inTemplate && have.Cmp(quantity) != 0 {
		e.fail(field.Invalid(e.path("gpu"), quantity.String(), fmt.Sprintf(
			"spec.sparkConf requests %s %s (spark.%s.resource.*); use the same number, or remove one of them",
			have.String(), name, e.Role)))
		return
	}
	e.setLimit(name, quantity)
	if request, set := resources.Requests[name]; set && request.Cmp(quantity) != 0 {
		requests := maps.Clone(resources.Requests)
		requests[name] = quantity // the API server insists on requests equal to limits
		resources.Requests = requests
	}
}

// setLimit sets a limit in a copy of the limits: they may be those of the
// application.
func (e *edit) setLimit(name corev1.ResourceName, quantity resource.Quantity) {
	resources := &e.container().Resources
	limits := make(corev1.ResourceList, len(resources.Limits)+1)
	maps.Copy(limits, resources.Limits)
	limits[name] = quantity
	resources.Limits = limits
}

// ParseMemoryLimit reads an amount of memory: a number with a unit of Java (k,
// m, g, t or p with or without b, in either case; powers of 1024) or any other
// Kubernetes quantity, such as 2Gi or a number of bytes.
func ParseMemoryLimit(text string) (resource.Quantity, error) {
	text = strings.TrimSpace(text)
	number := strings.TrimRight(text, "bBkKmMgGtTpP")
	unit := strings.ToLower(text[len(number):])
	if len(unit) == 2 && unit[0] != 'b' && unit[1] == 'b' {
		unit = unit[:1]
	}
	switch unit {
	case "k", "m", "g", "t", "p":
		// Kubernetes writes the kibibyte as Ki, the others with a capital as well.
		text = number + strings.ToUpper(unit) + "i"
	case "b":
		text = number
	}
	quantity, err := resource.ParseQuantity(text)
	if err != nil || quantity.Sign() <= 0 {
		return resource.Quantity{}, errors.New("not an amount of memory; use a value such as 2g, 512m or 2Gi")
	}
	return quantity, nil
}
