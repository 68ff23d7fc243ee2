package apply

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
	"github.com/mintage-auth/mintage/oauth"
)

// maxKeyFile bounds a file of public keys, in bytes.
const maxKeyFile = 128 << 10

// jwks reads where the public keys of a client are, or the keys.
func (r *reader) jwks(n yamlfile.Node) *JWKS {
	set := &JWKS{}
	listed := false
	if !n.Secretive().Object(yamlfile.Fields{ // in case it is a private key
		"file": r.path(&set.File),
		"keys": func(n yamlfile.Node) {
			listed, set.Keys = true, []map[string]any{}
			n.Each(func(_ int, n yamlfile.Node) { set.Keys = append(set.Keys, jwk(n)) })
		},
	}) {
		return set
	}
	if listed == (set.File != "") {
		n.Errorf("say where the keys are: file, or keys, one of them")
	}
	return set
}

// jwk reads the members of one key: texts, and lists of texts.
func jwk(n yamlfile.Node) map[string]any {
	key := map[string]any{}
	n.Entries(func(name string, child yamlfile.Node) {
		if err := mintage.PrivateKeyMember(name); err != nil {
			child.Secretive().Refuse("%s", mintage.FieldErrors(err)[0].Message)
			return
		}
		if child.IsObject() {
			child.Secretive().Refuse("a member of a key is a text, or a list of texts")
			return
		}
		if child.Scalar() {
			if s, ok := child.Text(); ok {
				key[name] = s
			}
			return
		}
		if list, ok := child.Texts(); ok {
			key[name] = list
		}
	})
	return key
}

// resolve reads the keys out of their file.
func (s *JWKS) resolve() (*JWKS, error) {
	if s == nil || s.File == "" {
		return s, nil
	}
	where := "the file " + s.File
	data, err := readKeyFile(s.File)
	if err != nil {
		return nil, &mintage.FieldError{Message: fmt.Sprintf("%s cannot be read: %v", where, cause(err))}
	}
	set, err := mintage.ReadClientKeys(data)
	if err != nil {
		first := mintage.FieldErrors(err)[0]
		if first.Pointer != "" {
			where += " at " + first.Pointer
		}
		return nil, &mintage.FieldError{Message: where + ": " + first.Message}
	}
	return declaredKeys(set), nil
}

func readKeyFile(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(data) > maxKeyFile {
		err = fmt.Errorf("it is larger than %d bytes", maxKeyFile)
	}
	return data, err
}

// unresolved leaves out of a client what only its keys' file or the live state
// can tell of its keys.
func (c *Client) unresolved() {
	if c.JWKS != nil && c.JWKS.File != "" {
		c.JWKS = nil
	}
	if c.JWKS == nil && c.JWKSURI == nil && slices.Contains(c.AuthMethods, oauth.AuthPrivateKeyJWT) {
		elsewhere := "https://keys.invalid/" // something, and no key of anybody
		c.JWKSURI = &elsewhere
	}
}

// declaredKeys returns a set that is in its normal form as it is declared.
func declaredKeys(set string) *JWKS {
	var keys JWKS
	if err := json.Unmarshal([]byte(set), &keys); err != nil {
		panic(fmt.Sprintf("apply: the normal form of keys is JSON: %v", err)) // unreachable
	}
	return &keys
}

// overlayAuth writes how the file says that c authenticates. Keys of one kind
// take the place of those of the other.
func (p *planner) overlayAuth(w *Client, c *mintage.Client, ptr string) {
	putSet(&c.AuthMethods, w.AuthMethods)
	if w.JWKSURI != nil {
		if c.JWKSURI = *w.JWKSURI; c.JWKSURI != "" && w.JWKS == nil {
			c.JWKS = ""
		}
	}
	switch {
	case w.JWKS == nil:
	case w.JWKS.File != "":
		p.refusef(ptr+"/jwks", "the keys' file was not read: the command that reads this file does that")
	case len(w.JWKS.Keys) == 0:
		c.JWKS = ""
	default:
		doc, err := json.Marshal(map[string]any{"keys": w.JWKS.Keys})
		if err == nil {
			c.JWKS, err = mintage.NormalJWKS(string(doc))
		}
		if err != nil {
			p.refuse(ptr+"/jwks", err)
			c.AuthMethods, c.JWKS, c.JWKSURI = nil, "", "" // told once
			return
		}
		if w.JWKSURI == nil {
			c.JWKSURI = ""
		}
	}
}

// keys tells how a client authenticates, of each of its keys by the kid.
func (f facts) keys(c *mintage.Client) {
	f.many("auth_methods", c.AuthMethods)
	f.one("jwks_uri", c.JWKSURI)
	if c.JWKS == "" {
		return
	}
	for _, key := range declaredKeys(c.JWKS).Keys {
		kid, _ := key["kid"].(string)
		text, err := json.Marshal(key)
		if err != nil {
			panic(fmt.Sprintf("apply: a key is made of strings: %v", err)) // unreachable
		}
		f.one("jwks."+kid, string(text))
	}
}

// exportAuth says how c authenticates.
func exportAuth(w *Client, c *mintage.Client) {
	w.AuthMethods, w.JWKSURI = c.AuthMethods, unless(c.JWKSURI, "")
	if c.JWKS != "" {
		w.JWKS = declaredKeys(c.JWKS)
	}
}
