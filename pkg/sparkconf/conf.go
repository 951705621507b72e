// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"maps"
	"slices"
	"strings"
)

// Conf reads a set of properties. It does not change them; neither may the
// caller while the Conf is in use. A Conf is for one goroutine: it keeps what
// references resolve to and how much text that was.
type Conf struct {
	values  map[string]string
	keys    []string // sorted
	env     map[string]string
	version Version

	resolved map[string]string // by the name in the reference
	expanded int               // bytes that references were replaced by: see MaxExpansion
}

// Property is one key with its value.
type Property struct {
	Key, Value string
}

// New returns a view of values for the given version of Spark. References of
// the form ${env:NAME} resolve in env.
func New(values, env map[string]string, version Version) *Conf {
	keys := make([]string, 0, len(values))
	for key := range maps.Keys(values) {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return &Conf{values: values, keys: keys, env: env, version: version}
}

// Version returns the version of Spark whose rules are applied.
func (c *Conf) Version() Version { return c.version }

// Raw returns the value as it was given, or that of a deprecated key
// (SparkConf.getOption).
func (c *Conf) Raw(key string) (string, bool) {
	if value, ok := c.values[key]; ok {
		return value, true
	}
	if old := deprecatedKey(key); old != "" {
		value, ok := c.values[old]
		return value, ok
	}
	return "", false
}

// Contains reports whether the key or a deprecated key for it is set, even if
// the value is empty (SparkConf.contains).
func (c *Conf) Contains(key string) bool {
	_, ok := c.Raw(key)
	return ok
}

// WithPrefix returns the properties whose key starts with prefix, sorted by key,
// with the prefix cut off and the values raw (SparkConf.getAllWithPrefix).
func (c *Conf) WithPrefix(prefix string) []Property {
	first, _ := slices.BinarySearch(c.keys, prefix)
	end := first
	for end < len(c.keys) && strings.HasPrefix(c.keys[end], prefix) {
		end++
	}
	if first == end {
		return nil
	}
	found := make([]Property, 0, end-first)
	for _, key := range c.keys[first:end] {
		found = append(found, Property{Key: key[len(prefix):], Value: c.values[key]})
	}
	return found
}

// Map is WithPrefix as a map; nil if there is no such property.
func (c *Conf) Map(prefix string) map[string]string {
	found := c.WithPrefix(prefix)
	if found == nil {
		return nil
	}
	m := make(map[string]string, len(found))
	for _, p := range found {
		m[p.Key] = p.Value
	}
	return m
}

// Keys returns the sorted keys. The caller must not change the slice.
func (c *Conf) Keys() []string { return c.keys }
