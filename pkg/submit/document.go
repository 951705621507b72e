// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Limits of a template file. Aliases multiply its content.
const (
	maxDocumentSize  = 4 << 20 // bytes of texts, and nodes, aliases expanded
	maxDocumentDepth = 200
)

// readDocument reads a file with one YAML document that is an object; nil if there
// is none. Empty documents do not count.
func readDocument(text []byte) (*yaml.Node, error) {
	var found *yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if len(document.Content) == 0 || isNull(document.Content[0]) {
			continue
		}
		if found != nil {
			return nil, errors.New("the file has several YAML documents; keep one")
		}
		if found = document.Content[0]; found.Kind != yaml.MappingNode {
			return nil, errors.New("the file is not a YAML object")
		}
	}
}

// isNull reports whether a node is a plain null or nothing at all.
func isNull(node *yaml.Node) bool {
	if node.Kind != yaml.ScalarNode || !isPlain(node) {
		return false
	}
	switch node.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// isPlain reports whether a scalar is written without quotes and without a tag, so
// that its text decides on its type.
func isPlain(node *yaml.Node) bool {
	return node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
}

// documentBudget is how much of a document may still be read.
type documentBudget struct{ left int }

// enter accounts for a node at a depth and follows an alias.
func (b *documentBudget) enter(node *yaml.Node, depth int) (*yaml.Node, error) {
	if depth > maxDocumentDepth {
		return nil, fmt.Errorf("line %d: nested more than %d deep", node.Line, maxDocumentDepth)
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if b.left -= 1 + len(node.Value); b.left < 0 {
		return nil, fmt.Errorf("line %d: the file has more than %d bytes after its aliases are expanded", node.Line, maxDocumentSize)
	}
	return node, nil
}

// untyped returns a document as maps, lists, texts, booleans and numbers.
func (b *documentBudget) untyped(node *yaml.Node, depth int) (any, error) {
	node, err := b.enter(node, depth)
	if err != nil {
		return nil, err
	}
	switch node.Kind { //nolint:exhaustive // the other kinds are judged below
	case yaml.MappingNode:
		object := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: the key is not a string", node.Content[i].Line)
			}
			if object[node.Content[i].Value], err = b.untyped(node.Content[i+1], depth+1); err != nil {
				return nil, err
			}
		}
		return object, nil
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i := range node.Content {
			if list[i], err = b.untyped(node.Content[i], depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	if isNull(node) {
		return nil, nil
	}
	switch node.ShortTag() {
	case "!!bool", "!!int", "!!float":
		var value any
		err := node.Decode(&value)
		if number, ok := value.(int); ok {
			value = int64(number) // the only integers of unstructured objects
		}
		return value, err
	}
	return node.Value, nil
}
