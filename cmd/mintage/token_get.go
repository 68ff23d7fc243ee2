package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/consume"
)

// getFlags are the flags of token get.
type getFlags struct {
	url, dialect, auth        string
	clientID, secretFile      string
	keyFile, keyID, issuer    string
	scope, resource, audience []string
	header, insecureHTTP      bool
	profile                   string
	agent                     agentFlags
}

func (a *app) tokenGetCommand() *cobra.Command {
	var f getFlags
	cmd := &cobra.Command{
		Use:   "get [CLIENT]",
		Short: "Get a token by client credentials, from Mintage or any other server",
		Long: `Get a token by client credentials and print it, and nothing else, on standard
output. With --url any server is asked, in the spelling of --dialect. With
CLIENT, an id or a name, the token endpoint is found through the admin API.

With --profile a running agent (mintage agent) is asked for the token that it
keeps for an upstream of that name; no secret is needed here.

The secret is read from --secret-file, else from MINTAGE_CLIENT_SECRET, else from
the file that MINTAGE_CLIENT_SECRET_FILE names. No flag takes it. A client that
signs instead (private_key_jwt, RFC 7523) names its private key by --key-file.`,
		Example: `  mintage token get --url https://auth.example.com/oauth2/token --client-id mc_4fXGQZr1tPq9sW2e --secret-file secret
  mintage token get --url https://auth.sandbox.myparcel.com/access-token --dialect myparcel --client-id ID --scope '*'
  curl -H "$(mintage token get "Nightly export" --secret-file secret --header)" https://api.example/orders
  mintage token get billing --key-file billing.pem --key-id 2026
  mintage token get --profile orders`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := ""
			if len(args) == 1 {
				client = args[0]
			}
			return a.tokenGet(cmd.Context(), client, f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.url, "url", "", "token endpoint; left out: that of the client's tenant")
	fl.StringVar(&f.dialect, "dialect", "", "how the endpoint reads: "+strings.Join(dialectNames(), ", ")+" (default rfc)")
	fl.StringVar(&f.auth, "auth", "", "how the client says who it is, where the dialect does not fit: "+strings.Join(authNames(), ", "))
	fl.StringVar(&f.clientID, "client-id", "", "client id (default $MINTAGE_CLIENT_ID)")
	fl.StringVar(&f.secretFile, "secret-file", "", "file that holds the client secret; - is standard input")
	fl.StringVar(&f.keyFile, "key-file", "", "file with the private key, in PEM, of a client that signs (private_key_jwt)")
	fl.StringVar(&f.keyID, "key-id", "", "kid of that key; left out: the server tries all of the client's")
	fl.StringVar(&f.issuer, "issuer", "", "issuer of the server, for whom is signed; left out: that of the client's tenant")
	fl.StringSliceVar(&f.scope, "scope", nil, "scopes to ask for; left out: what the server gives")
	fl.StringSliceVar(&f.resource, "resource", nil, "URI of the API that the token is for (RFC 8707)")
	fl.StringSliceVar(&f.audience, "audience", nil, "the same by any identifier, for servers that read audience")
	fl.BoolVar(&f.header, "header", false, "print the whole header line: Authorization: Bearer …")
	fl.BoolVar(&f.insecureHTTP, "insecure-http", false, "send the secret over plain HTTP to another machine")
	fl.StringVar(&f.profile, "profile", "", "upstream of a running agent whose token is printed")
	a.agentFlags(cmd, &f.agent)
	fl.StringVar(&a.flags.credentials, "credentials-file", "", "administrator's credentials (default $MINTAGE_CREDENTIALS_FILE)")
	fl.StringVar(&a.flags.tenant, "tenant", "", "tenant of CLIENT (default $MINTAGE_TENANT, else the profile's, else the only one)")
	return cmd
}

// dialectAuth says how clients of a dialect usually send their credentials.
func dialectAuth(name string) consume.Auth {
	switch name {
	case mintage.DialectMyParcel:
		return consume.JSON
	case mintage.DialectDoorkeeper:
		return consume.Query
	}
	return consume.Basic
}

func dialectNames() []string {
	var names []string
	for _, d := range mintage.Dialects() {
		names = append(names, d.Name)
	}
	return names
}

func authNames() []string {
	return []string{
		string(consume.Basic), string(consume.BasicRaw), string(consume.Post), string(consume.JSON), string(consume.Query),
	}
}

func (a *app) tokenGet(ctx context.Context, client string, f getFlags) error {
	if f.profile != "" {
		return a.tokenFromAgent(ctx, client, f)
	}
	cc, err := a.tokenSource(ctx, client, f)
	if err != nil {
		return err
	}
	tok, err := cc.Token(ctx)
	if err != nil {
		return err
	}
	return a.printToken(tok, f.header)
}

// tokenFromAgent prints the token that a running agent keeps.
func (a *app) tokenFromAgent(ctx context.Context, client string, f getFlags) error {
	if client != "" || f.url != "" || f.clientID != "" || f.secretFile != "" || f.keyFile != "" || len(f.scope)+len(f.resource)+len(f.audience) > 0 {
		return usage("--profile stands alone: the agent's file says which client asks for what", "mintage token get --profile "+f.profile)
	}
	c, err := a.agentClient(f.agent)
	if err != nil {
		return err
	}
	tok, err := c.token(ctx, f.profile)
	if err != nil {
		return err
	}
	return a.printToken(tok, f.header)
}

// tokenSource spells out the flags.
func (a *app) tokenSource(ctx context.Context, client string, f getFlags) (*consume.ClientCredentials, error) {
	switch {
	case f.dialect != "" && !slices.Contains(dialectNames(), f.dialect):
		return nil, usage(fmt.Sprintf("unknown dialect %q", f.dialect), strings.Join(dialectNames(), ", "))
	case f.auth != "" && !slices.Contains(authNames(), f.auth):
		return nil, usage(fmt.Sprintf("unknown --auth %q", f.auth), strings.Join(authNames(), ", "))
	case client == "" && f.url == "":
		return nil, usage("neither a token endpoint nor a client is named", "--url TOKEN_ENDPOINT, or the id or name of a client")
	}
	if err := refuseSensitive(client, "secret"); err != nil {
		return nil, err
	}
	cc := &consume.ClientCredentials{
		TokenURL: f.url, ClientID: cmp.Or(f.clientID, client, a.env("MINTAGE_CLIENT_ID")),
		Scope: splitSpaces(f.scope), Resource: f.resource, Audience: f.audience,
		HTTPClient: a.httpClient(requestTimeout), InsecureHTTP: f.insecureHTTP,
	}
	if err := a.clientProof(ctx, f, cc); err != nil {
		return nil, err
	}
	if f.url == "" {
		if err := a.lookUpEndpoint(ctx, client, &f, cc); err != nil {
			return nil, err
		}
	}
	switch {
	case cc.ClientID == "":
		return nil, usage("no client is named", "--client-id ID, or MINTAGE_CLIENT_ID")
	case cc.Key != nil && cc.Issuer == "":
		return nil, usage("the issuer of the server is not named, for whom is signed", "--issuer https://…, as its metadata has it")
	}
	cc.Auth = cmp.Or(cc.Auth, consume.Auth(f.auth), dialectAuth(f.dialect))
	return cc, nil
}

// clientProof sets what the client proves itself by: its key or its secret.
func (a *app) clientProof(ctx context.Context, f getFlags, cc *consume.ClientCredentials) error {
	if f.keyFile == "" {
		if f.keyID != "" || f.issuer != "" {
			return usage("--key-id and --issuer go with --key-file", "--key-file FILE")
		}
		secret, err := a.clientSecret(f.secretFile)
		cc.Secret = consume.SecretValue(secret)
		return err
	}
	if f.secretFile != "" || f.auth != "" {
		return usage("a client that signs sends no secret", "--key-file FILE without --secret-file and --auth")
	}
	cc.Key = consume.KeyFile(f.keyFile, f.keyID)
	if _, err := cc.Key(ctx); err != nil {
		return usage("--key-file: "+err.Error(), "a private key in PEM, such as openssl genpkey -algorithm ed25519 writes")
	}
	cc.Auth, cc.Issuer = consume.PrivateKeyJWT, f.issuer
	return nil
}

// splitSpaces takes lists apart that were written as on the wire.
func splitSpaces(words []string) []string {
	var all []string
	for _, w := range words {
		all = append(all, strings.Fields(w)...)
	}
	return all
}

// lookUpEndpoint asks the admin API for the token endpoint of a client: the
// one of the dialect that was asked for, else the usual one, else the first
// that the client may use.
func (a *app) lookUpEndpoint(ctx context.Context, name string, f *getFlags, cc *consume.ClientCredentials) error {
	api, c, err := a.findClient(ctx, name)
	if err != nil {
		return err
	}
	t, err := api.Tenant(ctx, c.Tenant)
	if err != nil {
		return err
	}
	path := tokenPath(t, c, f.dialect)
	if path == "" {
		return &failure{
			code: exitNotFound, what: fmt.Sprintf("the tenant %s has no token endpoint for %s", t.ID, c.Name),
			fix: "mintage tenant show " + t.ID,
		}
	}
	f.dialect = t.TokenPaths[path]
	cc.TokenURL, cc.ClientID, cc.Issuer = t.Issuer+path, c.ClientID, cmp.Or(cc.Issuer, t.Issuer)
	return nil
}

func tokenPath(t *adminclient.Tenant, c *adminclient.RegisteredClient, dialect string) string {
	const usual = "/oauth2/token"
	first := ""
	for _, path := range sortedKeys(t.TokenPaths) {
		d := t.TokenPaths[path]
		if dialect != "" && d != dialect || len(c.Dialects) > 0 && !slices.Contains(c.Dialects, d) {
			continue
		}
		if path == usual {
			return path
		}
		first = cmp.Or(first, path)
	}
	return first
}

// clientSecret reads the secret from where secrets may come.
func (a *app) clientSecret(path string) (string, error) {
	if path == "" {
		if s := a.env("MINTAGE_CLIENT_SECRET"); s != "" {
			return s, nil
		}
		path = a.env("MINTAGE_CLIENT_SECRET_FILE")
	}
	if path == "" {
		return "", usage("there is no client secret", "--secret-file FILE, - for standard input, or MINTAGE_CLIENT_SECRET")
	}
	if err := refuseLong(path, "secret"); err != nil {
		return "", err
	}
	return a.readSecret(path)
}

// tokenAnswer is what token get prints as JSON.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   *int64 `json:"expires_in,omitempty"` // seconds; absent where the server did not say
	Scope       string `json:"scope,omitempty"`
}

func (a *app) printToken(tok *consume.Token, header bool) error { //nolint:revive // the flag is the user's
	if header {
		_, err := fmt.Fprintln(a.stdout, "Authorization: "+tok.Header())
		return err
	}
	doc := tokenAnswer{AccessToken: tok.Value, TokenType: tok.Type, Scope: tok.Scope.String()}
	note := ""
	if !tok.Expires.IsZero() {
		left := time.Until(tok.Expires).Round(time.Second)
		n := int64(left.Seconds())
		doc.ExpiresIn = &n
		note = "expires in " + humanDuration(left)
	}
	if !a.terminal {
		note = "" // for people alone
	}
	return a.print(result{
		doc: doc, rows: [][]string{{tok.Value}}, name: []string{tok.Value}, note: note,
	})
}

// readInput returns what a file or, for -, standard input holds, up to a bound.
func (a *app) readInput(path string, limit int64) ([]byte, error) {
	if path == "-" {
		return readBounded(a.stdin, limit)
	}
	f, err := os.Open(path) // #nosec G304 -- the caller's own file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readBounded(f, limit)
}
