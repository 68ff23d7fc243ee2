package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

// Format is a kind of server that clients come from.
type Format string

// The servers that are read.
const (
	Cognito    Format = "cognito"
	Doorkeeper Format = "doorkeeper"
	Hydra      Format = "hydra"
	Keycloak   Format = "keycloak"
	Passport   Format = "passport"
)

// MaxSize bounds a source, in bytes.
const MaxSize = 64 << 20

// origin is what there is to know of a kind of server.
type origin struct {
	read  func(*builder, []byte) error
	path  string // of its token endpoint
	speak string // dialect there
}

func origins() map[Format]origin {
	return map[Format]origin{
		Cognito:    {readCognito, "/oauth2/token", mintage.DialectCognito},
		Doorkeeper: {readDoorkeeper, "/oauth/token", mintage.DialectDoorkeeper},
		Hydra:      {readHydra, "/oauth2/token", mintage.DialectRFC},
		Keycloak:   {readKeycloak, "/protocol/openid-connect/token", mintage.DialectRFC},
		Passport:   {readPassport, "/oauth/token", mintage.DialectMyParcel},
	}
}

// Formats returns the names of all kinds, sorted.
func Formats() []Format {
	var all []Format
	for f := range origins() {
		all = append(all, f)
	}
	slices.Sort(all)
	return all
}

// Options say what the source does not.
type Options struct {
	Tenant string // of what is declared; required
	Issuer string // declares the tenant too; empty: it is there already
	// API is the identifier of the resource server of scopes that name none.
	// Empty: a source that has such scopes is an error.
	API string
	// SHA256 says that the secrets of a table are SHA-256 in hex, which cannot be
	// told from secrets that are.
	SHA256 bool
}

// Outcome says what became of a client.
type Outcome string

// What becomes of clients.
const (
	Imported  Outcome = "imported"   // with its secret
	NewSecret Outcome = "new secret" // the source does not have it
	Skipped   Outcome = "skipped"
)

// Client is what became of one client.
type Client struct {
	ID      string  `json:"client_id"`
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"`
}

// File is a secret, or the hash of one, and where State says it is.
type File struct {
	Path    string // relative to the file of the State
	Content apply.Sensitive
}

// Result is what a source declares.
type Result struct {
	State   *apply.State
	Files   []File
	Clients []Client // in the order of the source
}

// ErrNoClients says that a source has none, and is probably of another kind.
var ErrNoClients = errors.New("it has no clients")

// Read reads a source. Its errors name no secret.
func Read(format Format, r io.Reader, opts Options) (*Result, error) {
	from, ok := origins()[format]
	if !ok {
		return nil, fmt.Errorf("no server is called %q", format)
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the %s source: %w", format, err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the %s source has more than %d MiB", format, MaxSize>>20)
	}
	b := newBuilder(opts, from)
	if err := from.read(b, data); err != nil {
		return nil, fmt.Errorf("the %s source: %w", format, err)
	}
	if len(b.result.Clients) == 0 {
		return nil, fmt.Errorf("the %s source: %w", format, ErrNoClients)
	}
	return b.finish()
}

// Count returns how many clients have an outcome.
func (r *Result) Count(o Outcome) (n int) {
	for _, c := range r.Clients {
		if c.Outcome == o {
			n++
		}
	}
	return n
}

// documents calls fn with each JSON document of data: one, several one after
// the other, or the elements of arrays.
func documents(data []byte, fn func(json.RawMessage) error) error {
	dec := json.NewDecoder(strings.NewReader(string(data)))
	for {
		var doc json.RawMessage
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("it is no JSON at byte %d", dec.InputOffset())
		}
		all := []json.RawMessage{doc}
		if doc[0] == '[' {
			if err := json.Unmarshal(doc, &all); err != nil {
				return fmt.Errorf("it is no JSON at byte %d", dec.InputOffset())
			}
		}
		for _, one := range all {
			if err := fn(one); err != nil {
				return err
			}
		}
	}
}

// decode reads a document. What encoding/json says of a value could show it.
func decode(doc json.RawMessage, to any) error {
	err := json.Unmarshal(doc, to)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("the member %s is a %s", wrong.Field, wrong.Value)
	}
	return err
}

// Resolved returns the State with the secrets in it, as the server takes it.
// Clients whose secret the source does not have come without one: only
// where mintage apply runs can one be made and kept.
func (r *Result) Resolved() *apply.State {
	content := map[string]apply.Sensitive{}
	for _, f := range r.Files {
		content[f.Path] = f.Content
	}
	s := *r.State
	s.Clients = slices.Clone(s.Clients)
	for i := range s.Clients {
		var secrets []apply.Secret
		for _, have := range s.Clients[i].Secrets {
			switch {
			case have.Value != nil:
				have.Value = &apply.Ref{Text: content[have.Value.File]}
			case have.Hash != nil:
				have.Hash = &apply.Ref{Text: content[have.Hash.File]}
			default:
				continue
			}
			secrets = append(secrets, have)
		}
		s.Clients[i].Secrets = secrets
	}
	return &s
}
