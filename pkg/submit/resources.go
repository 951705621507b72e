// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// nonJVMOverheadFactor is the default for Python and R, whose own processes need
// memory beside the JVM.
const nonJVMOverheadFactor = 0.4

// leastOverheadMiB applies where no overhead is given.
const leastOverheadMiB = 384

// driverMemory is the memory of the driver container.
type driverMemory struct {
	totalMiB int64
	// defaultFactor is the overhead factor without spark.driver's own one. The
	// driver hands it on to executors.
	defaultFactor float64
}

func readDriverMemory(conf *driverConf) (m driverMemory, err error) {
	heap, _, err := conf.MiB(sparkconf.DriverMemory)
	if err != nil {
		return m, err
	}
	m.defaultFactor = nonJVMOverheadFactor
	if conf.language == languageJava || conf.Contains(sparkconf.MemoryOverheadFactor) {
		if m.defaultFactor, _, err = conf.Double(sparkconf.MemoryOverheadFactor); err != nil {
			return m, err
		}
		if !(m.defaultFactor >= 0) {
			return m, conf.Requirement(sparkconf.MemoryOverheadFactor, sparkconf.FormatDouble(m.defaultFactor),
				"Ensure that memory overhead is non-negative")
		}
	}
	factor := m.defaultFactor
	if conf.Contains(sparkconf.DriverMemoryOverheadFactor) {
		if factor, _, err = conf.Double(sparkconf.DriverMemoryOverheadFactor); err != nil {
			return m, err
		}
		if !(factor > 0) {
			return m, conf.Requirement(sparkconf.DriverMemoryOverheadFactor, sparkconf.FormatDouble(factor),
				"Ensure that memory overhead is a double greater than 0")
		}
	}
	least := int64(leastOverheadMiB)
	if conf.switches.minMemoryOverhead {
		if least, _, err = conf.MiB(sparkconf.DriverMinMemoryOverhead); err != nil {
			return m, err
		}
	}
	overhead, set, err := conf.MiB(sparkconf.DriverMemoryOverhead)
	if err != nil {
		return m, err
	}
	if !set {
		overhead = max(saturatedInt(factor*float64(heap)), least)
	}
	m.totalMiB = heap + overhead // wraps around like Java's long
	return m, nil
}

// saturatedInt is Java's conversion of a double to an int.
func saturatedInt(x float64) int64 {
	switch {
	case math.IsNaN(x):
		return 0
	case x >= math.MaxInt32:
		return math.MaxInt32
	case x <= math.MinInt32:
		return math.MinInt32
	}
	return int64(x)
}

// quantity returns the amount in the notation of Spark, which is always Mi.
func (m driverMemory) quantity() (resource.Quantity, error) {
	return parseQuantity(strconv.FormatInt(m.totalMiB, 10)+"Mi", sparkconf.DriverMemory)
}

// device is an extended resource of the driver, such as nvidia.com/gpu.
type device struct {
	name   corev1.ResourceName
	amount resource.Quantity
}

// driverDevices reads spark.driver.resource.<name>.{amount,vendor}
// (KubernetesUtils.buildResourcesQuantities).
func driverDevices(conf *driverConf) ([]device, error) {
	var names []string
	var devices []device
	for _, p := range conf.WithPrefix(sparkconf.DriverResourcePrefix) {
		name, _, dotted := strings.Cut(p.Key, ".")
		if !dotted {
			return nil, &Error{
				Message: "You must specify an amount config for resource: " + name + " config: " + sparkconf.DriverResourcePrefix + name,
				Key:     sparkconf.DriverResourcePrefix + name, Value: p.Value,
			}
		}
		// The keys are sorted, so that those of one name are neighbours.
		if len(names) > 0 && names[len(names)-1] == name {
			continue
		}
		names = append(names, name)
		key := sparkconf.DriverResourcePrefix + name + ".amount"
		text, set := conf.Raw(key)
		if !set {
			return nil, &Error{Message: "You must specify an amount for " + name, Key: key}
		}
		amount, ok := sparkconf.ParseInt(text)
		if !ok {
			return nil, &Error{Message: sparkconf.NumberFormatMessage(text), Key: key, Value: text}
		}
		if amount > 0 {
			devices = append(devices, device{
				name:   corev1.ResourceName(name),
				amount: *resource.NewQuantity(int64(amount), resource.DecimalSI),
			})
		}
	}
	for i, d := range devices {
		key := sparkconf.DriverResourcePrefix + string(d.name) + ".vendor"
		vendor, set := conf.Raw(key)
		if !set {
			return nil, &Error{
				Message: "Resource: " + string(d.name) + " was requested, but vendor was not specified.", Key: key,
				Hint: "set the domain of the extended resource, such as nvidia.com",
			}
		}
		devices[i].name = corev1.ResourceName(vendor) + "/" + d.name
	}
	return devices, nil
}

// parseQuantity parses the user's text. The real client sends most texts as they
// are and leaves it to the API server to refuse them; a typed object cannot
// carry them, so that they are refused here, with the property's name.
func parseQuantity(text, key string) (resource.Quantity, error) {
	if text == "" {
		return resource.Quantity{}, &Error{
			Message: "Invalid quantity string format passed.", Key: key,
			Hint: "set an amount or remove the property",
		}
	}
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return resource.Quantity{}, &Error{
			Message: "\"" + text + "\" is not a quantity", Key: key, Value: text,
			Hint: "use an amount such as 500m, 1.5 or 10Gi",
		}
	}
	return quantity, nil
}

func formatInt(n int32) string { return strconv.FormatInt(int64(n), 10) }
