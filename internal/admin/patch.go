package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/strictjson"
)

// applyPatch returns doc with a JSON merge patch applied (RFC 7396 §2), read
// back by the strict reader, so that a patch can make nothing that a document
// could not say.
func applyPatch[T any](doc *T, patch []byte) (*T, error) {
	p, err := strictjson.Parse(patch, strictjson.Options{})
	if err != nil {
		return nil, err
	}
	if p.Kind() != strictjson.Object {
		return nil, &mintage.FieldError{Message: "a merge patch is an object"}
	}
	if err := checkPatch[T](p); err != nil {
		return nil, err
	}
	current, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode the object: %w", err)
	}
	var target any
	dec := json.NewDecoder(bytes.NewReader(current))
	dec.UseNumber() // what the patch leaves alone keeps its spelling
	if err := dec.Decode(&target); err != nil {
		return nil, fmt.Errorf("decode the object: %w", err)
	}
	merged, err := json.Marshal(merge(target, p))
	if err != nil {
		return nil, fmt.Errorf("encode the patched object: %w", err)
	}
	var out T
	if err := strictjson.Unmarshal(merged, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// merge is MergePatch of RFC 7396 §2.
func merge(target any, patch strictjson.Value) any {
	if patch.Kind() != strictjson.Object {
		return json.RawMessage(patch.Raw())
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for _, m := range patch.Members() {
		if m.Value.Kind() == strictjson.Null {
			delete(object, m.Name)
			continue
		}
		object[m.Name] = merge(object[m.Name], m.Value)
	}
	return object
}

// checkPatch refuses what the strict reader would refuse of the patch as a
// document: a member is wrong where it stands in the patch, not in a result
// that the caller never sees. A null needs a place that is known, and no more.
func checkPatch[T any](patch strictjson.Value) error {
	var nulls [][]byte
	plain, err := json.Marshal(split(patch, func(doc []byte) []byte { return doc }, &nulls))
	if err != nil {
		return fmt.Errorf("encode the patch: %w", err)
	}
	var known T
	if err := strictjson.Unmarshal(plain, &known); err != nil {
		return err
	}
	for _, doc := range nulls {
		var unknown *strictjson.Error
		err := strictjson.Unmarshal(doc, &known)
		if errors.As(err, &unknown) && strings.HasPrefix(unknown.Msg, "unknown member") {
			return err
		}
	}
	return nil
}

// split returns the patch without its nulls. For each it appends to nulls a
// document that has nothing else, made by wrapping it from the inside out.
func split(v strictjson.Value, wrap func([]byte) []byte, nulls *[][]byte) any {
	if v.Kind() != strictjson.Object {
		return json.RawMessage(v.Raw())
	}
	object := map[string]any{}
	for _, m := range v.Members() {
		inside := func(doc []byte) []byte {
			name := strictjson.AppendString([]byte{'{'}, m.Name)
			return wrap(append(append(append(name, ':'), doc...), '}'))
		}
		if m.Value.Kind() == strictjson.Null {
			*nulls = append(*nulls, inside([]byte("null")))
			continue
		}
		object[m.Name] = split(m.Value, inside, nulls)
	}
	return object
}
