package yamlfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// FromJSON returns a JSON document as YAML, with its members in their order.
func FromJSON(doc []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	n, err := nodeOf(dec, 0)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("the document is followed by something")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(n), enc.Close()); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return b.Bytes(), nil
}

// nodeOf reads one value.
func nodeOf(dec *json.Decoder, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, errors.New("the document is nested too deep")
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch tok := tok.(type) {
	case json.Delim:
		return membersOf(dec, tok, depth)
	case string:
		n.SetString(tok)
	case json.Number:
		n.Tag, n.Value = "!!int", tok.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(tok)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// membersOf reads what is in a list or an object, names and values in turn, up
// to its end.
func membersOf(dec *json.Decoder, open json.Delim, depth int) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	if open == '[' {
		n.Kind = yaml.SequenceNode
	}
	for dec.More() {
		child, err := nodeOf(dec, depth+1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, child)
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	_, err := dec.Token()
	return n, err
}

// Set returns a YAML document in which the object at the path has the text
// value under the path's last key. What is not there on the way is made; all else
// stays, comments included. An empty document is an empty object.
func Set(doc []byte, value string, path ...string) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(doc, &root); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if len(root.Content) == 0 {
		root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}, HeadComment: root.HeadComment}
	}
	at := root.Content[0]
	for _, key := range path {
		if at.Kind == yaml.ScalarNode && at.ShortTag() == "!!null" {
			*at = yaml.Node{Kind: yaml.MappingNode}
		}
		if at.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("write YAML: %s is not an object", strings.Join(path, "."))
		}
		at = member(at, key)
	}
	comments := *at
	at.SetString(value)
	at.HeadComment, at.LineComment, at.FootComment = comments.HeadComment, comments.LineComment, comments.FootComment
	at.Content = nil
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(&root), enc.Close()); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return b.Bytes(), nil
}

// member returns the value of a key, which it makes where there is none.
func member(of *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(of.Content); i += 2 {
		if of.Content[i].Value == key {
			return of.Content[i+1]
		}
	}
	k, v := new(yaml.Node), &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	k.SetString(key)
	of.Content = append(of.Content, k, v)
	of.Style = 0 // in lines of their own
	return v
}
