package lint

import (
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

const (
	day = 24 * time.Hour
	// unused is how long a client may rest before it is asked about.
	unused = 90 * day
	// longLife is the longest life of a token that needs no reason.
	longLife = day
)

// Rule is a row of the table.
type Rule struct {
	ID    string
	Level Level
	Title string // one sentence
	Cure  string // one sentence
	check func(in *Input, found func(kind, id, name, message string))
}

// Rules returns the table, for documentation and SARIF.
func Rules() []Rule { return slices.Clone(rules) }

var rules = []Rule{
	{
		ID: "secret.exposed", Level: Error, Title: "A secret that works was seen in a URL.",
		Cure: "Rotate it with mintage client rotate --overlap 0s.", check: secrets(exposed),
	},
	{
		ID: "secret.none", Level: Warning, Title: "An enabled client has no secret that works.",
		Cure: "Add one with mintage client secret add, or delete the client.", check: clients(noSecret),
	},
	{
		ID: "secret.no_expiry", Level: Error, Title: "A secret has no end.",
		Cure: "Rotate it with mintage client rotate --expires 90d, and set secret.expires of the tenant.", check: secrets(endless),
	},
	{
		ID: "client.unused", Level: Warning, Title: "No secret of a client was used for 90 days.",
		Cure: "Disable the client with mintage client disable, and delete it when nobody asks.", check: clients(idle),
	},
	{
		ID: "client.disabled", Level: Note, Title: "A disabled client still has its grants and secrets.",
		Cure: "Delete it with mintage client delete.", check: clients(disabled),
	},
	{
		ID: "grant.all_scopes", Level: Warning, Title: "A client may have all scopes of an API, those to come included.",
		Cure: "List the scopes that it needs.", check: clients(allScopes),
	},
	{
		ID: "ladder.query_credentials", Level: Error, Title: "A client may send its secret in the URL.",
		Cure: "Let the client send it in the body, then set the rung to refuse.", check: clients(rung("query_credentials", "its secret in the URL")),
	},
	{
		ID: "ladder.two_methods", Level: Warning, Title: "A client may authenticate in two ways at once.",
		Cure: "Let the client send its credentials once, then set the rung to refuse.", check: clients(rung("two_methods", "credentials twice")),
	},
	{
		ID: "ladder.assertion_audience", Level: Warning, Title: "A client may sign assertions for a token endpoint instead of the issuer.",
		Cure:  "Let the client set aud to the issuer alone, then set the rung to refuse.",
		check: clients(rung("assertion_audience", "assertions for another audience")),
	},
	{
		ID: "token.long_life", Level: Warning, Title: "Tokens live longer than a day.",
		Cure: "Set token.lifetime to an hour: clients get a new one when they need it.", check: tokens(longLived),
	},
	{
		ID: "token.rs256", Level: Note, Title: "Tokens are signed with RS256.",
		Cure: "Use ES256 or EdDSA where the APIs can verify it: it costs less and its keys are made at once.", check: tokens(rs256),
	},
	{
		ID: "tenant.disabled", Level: Note, Title: "A tenant is disabled.",
		Cure: "Enable it, or delete it with all that it owns.", check: func(in *Input, found func(kind, id, name, message string)) {
			if in.Tenant.Disabled {
				found("tenant", in.Tenant.ID, "", "the tenant answers nothing")
			}
		},
	},
}

// clients checks each client: a message is a finding.
func clients(check func(c *adminclient.RegisteredClient, now time.Time) string) func(*Input, func(kind, id, name, message string)) {
	return func(in *Input, found func(kind, id, name, message string)) {
		for _, c := range in.Clients {
			if message := check(c, in.Now); message != "" {
				found("client", c.ClientID, c.Name, message)
			}
		}
	}
}

// secrets checks each secret that works, of each client that is enabled.
func secrets(check func(s *adminclient.Secret) string) func(*Input, func(kind, id, name, message string)) {
	return func(in *Input, found func(kind, id, name, message string)) {
		for _, c := range in.Clients {
			for i := range c.Secrets {
				if s := &c.Secrets[i]; !c.Disabled && works(s) {
					if message := check(s); message != "" {
						found("client", c.ClientID, c.Name, message)
					}
				}
			}
		}
	}
}

// tokens checks the token settings of each object.
func tokens(check func(s adminclient.TokenSettings) string) func(*Input, func(kind, id, name, message string)) {
	return func(in *Input, found func(kind, id, name, message string)) {
		at := func(kind, id, name string, s adminclient.TokenSettings) {
			if message := check(s); message != "" {
				found(kind, id, name, message)
			}
		}
		at("tenant", in.Tenant.ID, "", in.Tenant.Token)
		for _, rs := range in.ResourceServers {
			at("resource_server", rs.Identifier, rs.Name, rs.Token)
		}
		for _, c := range in.Clients {
			at("client", c.ClientID, c.Name, c.Token)
		}
	}
}

func works(s *adminclient.Secret) bool {
	return s.State == adminclient.SecretActive || s.State == adminclient.SecretRetiring
}

func exposed(s *adminclient.Secret) string {
	if s.ExposedAt == nil {
		return ""
	}
	return fmt.Sprintf("the secret %s was seen in a URL on %s", s.Name, s.ExposedAt.Format(time.DateOnly))
}

func endless(s *adminclient.Secret) string {
	if s.ExpiresAt != nil {
		return ""
	}
	return "the secret " + s.Name + " has no end"
}

func noSecret(c *adminclient.RegisteredClient, _ time.Time) string {
	if c.Disabled || slices.ContainsFunc(c.Secrets, func(s adminclient.Secret) bool { return works(&s) }) {
		return ""
	}
	return "the client has no secret that works"
}

func idle(c *adminclient.RegisteredClient, now time.Time) string {
	if c.Disabled || now.Sub(c.CreatedAt) < unused || slices.Contains(c.AuthMethods, "private_key_jwt") {
		return "" // nobody notes when a key was used
	}
	last := time.Time{}
	for i := range c.Secrets {
		if at := c.Secrets[i].LastUsedAt; at != nil && at.After(last) {
			last = *at
		}
	}
	switch {
	case last.IsZero():
		return "no secret of the client was ever used"
	case now.Sub(last) < unused:
		return ""
	}
	return fmt.Sprintf("no secret of the client was used for %d days", int(now.Sub(last)/day))
}

func disabled(c *adminclient.RegisteredClient, now time.Time) string {
	if !c.Disabled || now.Sub(c.UpdatedAt) < unused || c.PurgeAt != nil {
		return ""
	}
	return fmt.Sprintf("the client has been disabled for %d days", int(now.Sub(c.UpdatedAt)/day))
}

func allScopes(c *adminclient.RegisteredClient, _ time.Time) string {
	for _, g := range c.Grants {
		if slices.Contains(g.Scopes, "*") {
			return "the client has * at " + g.ResourceServer
		}
	}
	return ""
}

func rung(name, what string) func(*adminclient.RegisteredClient, time.Time) string {
	return func(c *adminclient.RegisteredClient, _ time.Time) string {
		if state := c.Ladder[name]; state != "" && state != "refuse" {
			return "the client may send " + what + " (" + name + ": " + state + ")"
		}
		return ""
	}
}

func longLived(s adminclient.TokenSettings) string {
	if life := time.Duration(s.Lifetime) * time.Second; life > longLife {
		return fmt.Sprintf("tokens live %d hours", int(life/time.Hour))
	}
	return ""
}

func rs256(s adminclient.TokenSettings) string {
	if s.Alg == "RS256" {
		return "tokens are signed with RS256"
	}
	return ""
}
