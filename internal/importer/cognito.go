package importer

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/apply"
)

// cognitoDocument is an answer of aws cognito-idp describe-user-pool-client,
// describe-resource-server or list-resource-servers.
type cognitoDocument struct {
	UserPoolClient  *cognitoClient
	ResourceServer  *cognitoServer
	ResourceServers []cognitoServer
}

type cognitoClient struct {
	ClientID            string `json:"ClientId"`
	ClientName          string
	ClientSecret        apply.Sensitive
	AllowedOAuthFlows   []string
	AllowedOAuthScopes  []string
	AccessTokenValidity int64
	TokenValidityUnits  struct{ AccessToken string }
}

type cognitoServer struct {
	Identifier, Name string
	Scopes           []struct{ ScopeName, ScopeDescription string }
}

// readCognito reads any number of such answers, one after the other.
func readCognito(b *builder, data []byte) error {
	var clients []cognitoClient
	err := documents(data, func(doc json.RawMessage) error {
		var d cognitoDocument
		if err := decode(doc, &d); err != nil {
			return err
		}
		if d.UserPoolClient != nil {
			clients = append(clients, *d.UserPoolClient)
		}
		if d.ResourceServer != nil {
			d.ResourceServers = append(d.ResourceServers, *d.ResourceServer)
		}
		for _, s := range d.ResourceServers {
			b.cognitoServer(s.Identifier)
			for _, scope := range s.Scopes {
				b.server(s.Identifier).Scopes[scope.ScopeName] = oneLine(scope.ScopeDescription)
			}
		}
		return nil
	})
	for _, c := range clients {
		b.cognitoClient(c)
	}
	return err
}

// cognitoServer declares a resource server whose scopes have its identifier in
// front on the wire.
func (b *builder) cognitoServer(identifier string) {
	prefix := identifier + "/"
	b.server(identifier).ScopePrefix = &prefix
}

func (b *builder) cognitoClient(c cognitoClient) {
	if !slices.Contains(c.AllowedOAuthFlows, "client_credentials") {
		b.skip(c.ClientID, c.ClientName, "it does not use client credentials")
		return
	}
	f := found{id: c.ClientID, name: c.ClientName, secret: c.ClientSecret, scopes: map[string][]string{}}
	f.life = cognitoUnit(c.TokenValidityUnits.AccessToken) * time.Duration(c.AccessTokenValidity)
	for _, scope := range c.AllowedOAuthScopes {
		i := strings.LastIndexByte(scope, '/')
		if i <= 0 {
			b.skip(c.ClientID, c.ClientName, "its scope "+scope+" belongs to no resource server")
			return
		}
		f.scopes[scope[:i]] = append(f.scopes[scope[:i]], scope[i+1:])
	}
	for _, identifier := range slices.Sorted(maps.Keys(f.scopes)) {
		b.cognitoServer(identifier)
	}
	b.add(f)
}

// cognitoUnit is what a validity is counted in: hours, where nothing is said.
func cognitoUnit(name string) time.Duration {
	switch name {
	case "seconds":
		return time.Second
	case "minutes":
		return time.Minute
	case "days":
		return 24 * time.Hour
	}
	return time.Hour
}
