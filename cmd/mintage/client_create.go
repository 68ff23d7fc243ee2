package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// newClientFlags are the flags of client create.
type newClientFlags struct {
	apis, scopes []string
	organization string
	dialects     []string
	expires      string
	secretName   string
	labels       map[string]string
	allowFrom    []string
	limits       adminclient.Limits
	dpopBound    bool
	auth         authFlags
	writeEnv     string
}

func (a *app) clientCreateCommand() *cobra.Command {
	var f newClientFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Register a client and print its id and, once, its secret",
		Example: `  mintage client create "Nightly export" --tenant prod --api https://api.example --scope orders/read
  mintage client create billing --api saas --scope api/write --write-env billing.env
  mintage client create billing --api saas --scope api/write -o env
  mintage client create billing --api saas --scope api/write --auth private_key_jwt --jwks billing.pub.pem`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{outputEnv: "yes"},
		RunE:        func(cmd *cobra.Command, args []string) error { return a.clientCreate(cmd.Context(), args[0], f) },
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.apis, "api", nil, "identifier or name of the API that the client calls; several are possible")
	fl.StringSliceVar(&f.scopes, "scope", nil, "scopes at that API; left out: all, now and later")
	fl.StringVar(&f.organization, "organization", "", "organization that owns the client")
	fl.StringSliceVar(&f.dialects, "dialect", nil, "dialects that the client may speak; left out: all of the tenant's")
	fl.StringVar(&f.expires, "expires", "", "when the secret ends, such as 90d, or never; left out: the tenant's default")
	fl.StringVar(&f.secretName, "secret-name", "", "label of the secret; left out: today's date")
	fl.StringToStringVar(&f.labels, "label", nil, "labels, NAME=VALUE")
	fl.StringSliceVar(&f.allowFrom, "allow-from", nil, "networks from which the client may ask, such as 203.0.113.0/24; left out: all")
	fl.IntVar(&f.limits.TokensPerMinute, "tokens-per-minute", 0, "tokens that the client may have in a minute; 0: any number")
	fl.IntVar(&f.limits.IntrospectionsPerMinute, "introspections-per-minute", 0, "introspections that the client may ask for in a minute; 0: any number")
	fl.BoolVar(&f.dpopBound, "dpop-bound", false, "give the client no token without a DPoP proof")
	f.auth.register(cmd)
	fl.StringVar(&f.writeEnv, "write-env", "", "write id and secret to this new file (mode 0600) instead of printing the secret")
	a.writeFlags(cmd)
	return cmd
}

// clientCreate registers a client. With several APIs each scope goes to the one
// API that defines it.
func (a *app) clientCreate(ctx context.Context, name string, f newClientFlags) error {
	if err := f.auth.read(); err != nil {
		return err
	}
	in := adminclient.NewClient{ClientSettings: adminclient.ClientSettings{
		Name: name, Organization: f.organization, Dialects: f.dialects, Labels: f.labels,
		AllowFrom: f.allowFrom, Limits: f.limits, DPoPBound: f.dpopBound,
		AuthMethods: f.auth.methods, JWKS: f.auth.keys, JWKSURI: f.auth.jwksURI,
	}}
	secret, err := newSecret(f.secretName, f.expires)
	switch {
	case err != nil:
		return err
	case f.auth.bySecret():
		in.Secret = &secret
	case secret != (adminclient.NewSecret{}):
		return usage("a client that authenticates by no secret has none to name or to end", "leave out --secret-name and --expires")
	}
	out, err := newEnvFile(f.writeEnv)
	if err != nil {
		return err
	}
	defer out.discard()
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	tenant, err := a.tenantID(ctx, api)
	if err != nil {
		return err
	}
	if in.Grants, err = grantsFor(ctx, api, tenant, f.apis, f.scopes); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: in, rows: [][]string{{"would create", name, "in", tenant}}})
	}
	made, err := api.CreateClient(ctx, tenant, in)
	if err != nil {
		return err
	}
	return a.revealClient(made, out)
}

// revealClient prints a new client, with its secret unless that went to a file.
func (a *app) revealClient(c *adminclient.CreatedClient, out *envFile) error {
	env := [][2]string{{"MINTAGE_CLIENT_ID", c.ClientID}, {"MINTAGE_CLIENT_SECRET", c.ClientSecret}}
	r := result{
		doc: c, name: []string{c.ClientID}, env: env,
		rows: [][]string{{"client id", c.ClientID}, {"client secret", c.ClientSecret}},
		note: "The secret is shown once; the server keeps only a hash of it.",
	}
	if c.ClientSecret == "" {
		env = env[:1]
		r.env, r.rows, r.note = env, append(r.rows[:1], authRows(&c.RegisteredClient)...), "It has no secret: it signs with its own key."
	}
	if out != nil {
		if err := out.commit(env); err != nil {
			return err
		}
		c.ClientSecret = ""
		r.doc, r.rows, r.env = c.RegisteredClient, r.rows[:1], env[:1]
		r.note = "wrote " + out.path
	}
	return a.printOnce(r)
}

// grantsFor spells out --api and --scope.
func grantsFor(ctx context.Context, api *adminclient.Client, tenant string, apis, scopes []string) ([]adminclient.Grant, error) {
	if len(apis) == 0 {
		if len(scopes) > 0 {
			return nil, usage("--scope needs the API that defines it", "--api IDENTIFIER")
		}
		return nil, nil
	}
	grants, placed := make([]adminclient.Grant, len(apis)), map[string]bool{}
	for i, name := range apis {
		rs, err := findResourceServer(ctx, api, tenant, name)
		if err != nil {
			return nil, err
		}
		grants[i].ResourceServer = rs.Identifier
		if len(scopes) == 0 {
			grants[i].Scopes = []string{mintage.AllScopes}
			continue
		}
		for _, sc := range scopes {
			if len(apis) == 1 || defines(rs, sc) { // of one API, the server tells what it lacks
				grants[i].Scopes = append(grants[i].Scopes, sc)
				placed[sc] = true
			}
		}
		if len(grants[i].Scopes) == 0 {
			return nil, usage("no --scope is one of "+rs.Identifier, "mintage api show "+name)
		}
	}
	for _, sc := range scopes {
		if !placed[sc] {
			return nil, usage(fmt.Sprintf("none of the APIs defines the scope %q", sc), "mintage api list --tenant "+tenant)
		}
	}
	return grants, nil
}

func defines(rs *adminclient.ResourceServer, scope string) bool {
	for _, s := range rs.Scopes {
		if s.Name == scope {
			return true
		}
	}
	return false
}
