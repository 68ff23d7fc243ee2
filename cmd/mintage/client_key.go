package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/oauth"
)

// authFlags are the flags about how a client authenticates.
type authFlags struct {
	methods       []string
	jwks, jwksURI string
	keys          json.RawMessage // what is in the file that jwks names
}

func (f *authFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.methods, "auth", nil, "how the client may authenticate: client_secret_basic, client_secret_post, private_key_jwt; left out: by secret")
	fl.StringVar(&f.jwks, "jwks", "", "file of the client's public keys: a JWK Set, a JWK, or PEM")
	fl.StringVar(&f.jwksURI, "jwks-uri", "", "https URL at which the client publishes its public keys as a JWK Set")
}

// read reads the file of keys.
func (f *authFlags) read() (err error) {
	if f.jwks != "" {
		f.keys, err = readClientKeys("--jwks", f.jwks)
	}
	return err
}

// bySecret reports whether a client that is made with these flags has a secret.
func (f *authFlags) bySecret() bool {
	c := mintage.Client{AuthMethods: f.methods}
	return c.AuthenticatesBySecret()
}

// patch adds to a patch what the given flags change. Keys of one kind take the
// place of those of the other.
func (f *authFlags) patch(given func(name string) bool, into adminclient.Patch) {
	if given("auth") {
		into["auth_methods"] = append([]string{}, f.methods...)
	}
	if given("jwks") {
		into["jwks"] = nil
		if f.keys != nil {
			into["jwks"], into["jwks_uri"] = f.keys, nil
		}
	}
	if given("jwks-uri") {
		into["jwks_uri"] = nil
		if f.jwksURI != "" {
			into["jwks_uri"], into["jwks"] = f.jwksURI, nil
		}
	}
}

// maxKeyFile bounds a file of public keys, in bytes.
const maxKeyFile = 128 << 10

// readClientKeys reads public keys from a file. A private one is refused before
// anything of it goes anywhere.
func readClientKeys(what, name string) (json.RawMessage, error) {
	f, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyFile {
		return nil, usage(fmt.Sprintf("%s %s is larger than %d bytes", what, name, maxKeyFile), "give it the client's public keys alone")
	}
	set, err := mintage.ReadClientKeys(data)
	if err != nil {
		first := mintage.FieldErrors(err)[0]
		where := name
		if first.Pointer != "" {
			where += " at " + first.Pointer
		}
		return nil, usage(where+": "+first.Message, "a JWK Set, a JWK, or PEM of a public key: openssl pkey -in key.pem -pubout")
	}
	return json.RawMessage(set), nil
}

// jwk is what commands say of a client's public key.
type jwk struct {
	KeyID string `json:"kid"`
	Type  string `json:"kty"`
	Alg   string `json:"alg,omitempty"`
	Curve string `json:"crv,omitempty"`
}

// String names the kind of key.
func (k *jwk) String() string {
	switch {
	case k.Alg != "":
		return k.Alg
	case k.Type == "RSA":
		return "RS256 or PS256"
	}
	return k.Type + " " + k.Curve
}

// keySet reads a JWK Set that the server answered with, each key as it is too.
func keySet(doc json.RawMessage) (keys []jwk, whole []json.RawMessage, err error) {
	if len(doc) == 0 {
		return nil, nil, nil
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(doc, &set); err != nil {
		return nil, nil, fmt.Errorf("the client's keys: %w", err)
	}
	keys = make([]jwk, len(set.Keys))
	for i, raw := range set.Keys {
		if err := json.Unmarshal(raw, &keys[i]); err != nil {
			return nil, nil, fmt.Errorf("the client's keys: %w", err)
		}
	}
	return keys, set.Keys, nil
}

// authRows are the lines about how a client authenticates.
func authRows(c *adminclient.RegisteredClient) (rows [][]string) {
	for _, m := range c.AuthMethods {
		rows = append(rows, []string{"authenticates by", m})
	}
	keys, _, err := keySet(c.JWKS)
	if err != nil {
		return append(rows, []string{"keys", err.Error()})
	}
	for i := range keys {
		rows = append(rows, []string{"key", keys[i].KeyID + "  " + keys[i].String()})
	}
	if c.JWKSURI != "" {
		rows = append(rows, []string{"keys at", c.JWKSURI})
	}
	return rows
}

// clientKeyCommand is mintage client key.
func (a *app) clientKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "A client's public keys: add, list, remove",
		Example: `  mintage client key add billing new.pub.pem
  mintage client key list billing
  mintage client key remove billing 2026-08 --yes`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.clientKeyAddCommand(), a.clientKeyListCommand(), a.clientKeyRemoveCommand())
	return cmd
}

func (a *app) clientKeyAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add CLIENT FILE",
		Short: "Register more public keys of a client; those that it has go on",
		Example: `  openssl pkey -in new.pem -pubout -out new.pub.pem
  mintage client key add billing new.pub.pem`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.clientKeyAdd(cmd.Context(), args[0], args[1])
		},
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) clientKeyAdd(ctx context.Context, name, file string) error {
	fresh, err := readClientKeys("the file", file)
	if err != nil {
		return err
	}
	api, c, err := a.findKeyed(ctx, name)
	if err != nil {
		return err
	}
	_, have, err := keySet(c.JWKS)
	if err != nil {
		return err
	}
	_, more, err := keySet(fresh)
	if err != nil {
		return err
	}
	return a.putKeys(ctx, api, c, slices.Concat(have, more))
}

// findKeyed finds a client whose keys are registered by value.
func (a *app) findKeyed(ctx context.Context, name string) (*adminclient.Client, *adminclient.RegisteredClient, error) {
	api, c, err := a.findClient(ctx, name)
	switch {
	case err != nil:
		return nil, nil, err
	case c.JWKSURI != "":
		return nil, nil, usage(c.Name+" publishes its keys itself, at "+c.JWKSURI,
			"change them there, or register keys instead: mintage client edit "+c.ClientID+" --jwks FILE")
	case !slices.Contains(c.AuthMethods, oauth.AuthPrivateKeyJWT):
		return nil, nil, usage(c.Name+" does not authenticate by keys",
			"mintage client edit "+c.ClientID+" --auth private_key_jwt,client_secret_basic,client_secret_post --jwks FILE")
	}
	return api, c, nil
}

// putKeys gives a client other keys.
func (a *app) putKeys(ctx context.Context, api *adminclient.Client, c *adminclient.RegisteredClient, keys []json.RawMessage) error {
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		return err
	}
	patch := adminclient.Patch{"jwks": json.RawMessage(set)}
	if err := a.confirmedIfProtected(ctx, api, c.Tenant, "changes "+c.Name, c.Name); err != nil {
		return err
	}
	return a.patchClient(ctx, api, c, patch)
}

func (a *app) clientKeyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list CLIENT",
		Short:   "List a client's public keys",
		Example: `  mintage client key list billing -o json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, c, err := a.findClient(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			keys, whole, err := keySet(c.JWKS)
			if err != nil {
				return err
			}
			r := result{doc: slices.Concat([]json.RawMessage{}, whole), head: []string{"KID", "TYPE", "ALGORITHM"}}
			for i := range keys {
				r.name = append(r.name, keys[i].KeyID)
				r.rows = append(r.rows, []string{keys[i].KeyID, keys[i].Type, keys[i].String()})
			}
			if c.JWKSURI != "" {
				r.note = c.Name + " publishes its keys at " + c.JWKSURI
			}
			return a.print(r)
		},
	}
}

func (a *app) clientKeyRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove CLIENT KID",
		Short:   "Take a public key from a client: what it signs is refused at once",
		Example: `  mintage client key remove billing 2026-08 --yes`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.clientKeyRemove(cmd.Context(), args[0], args[1])
		},
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) clientKeyRemove(ctx context.Context, name, kid string) error {
	api, c, err := a.findKeyed(ctx, name)
	if err != nil {
		return err
	}
	keys, whole, err := keySet(c.JWKS)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k jwk) bool { return k.KeyID == kid })
	if i < 0 {
		return &failure{code: exitNotFound, what: fmt.Sprintf("%s has no key %q", c.Name, kid), fix: "mintage client key list " + c.ClientID}
	}
	if len(keys) == 1 {
		return usage("it is the client's only key: without it the client is locked out",
			"add the next one first, or disable the client: mintage client disable "+c.ClientID)
	}
	if err := a.confirmed(danger{does: fmt.Sprintf("This refuses what the key %s of %s signs, at once.", kid, c.Name), name: c.Name}); err != nil {
		return err
	}
	return a.putKeys(ctx, api, c, slices.Delete(whole, i, i+1))
}
