package mintage_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// TestExplain: which layer decides, member by member, with every subset of the
// layers set. What it explains is what Authorize decides.
func TestExplain(t *testing.T) {
	t.Parallel()
	layers := []mintage.Layer{mintage.LayerClient, mintage.LayerResourceServer, mintage.LayerDialect, mintage.LayerTenant}
	for set := range 1 << len(layers) {
		tenant, client, server, dialect := &mintage.Tenant{}, caller(), ordersAPI(), mintage.Dialect{Name: "rfc"}
		want := mintage.LayerBuiltIn
		for i, s := range []*mintage.TokenSettings{&client.Token, &server.Token, &dialect.Token, &tenant.Token} {
			if set&(1<<i) == 0 {
				continue
			}
			*s = mintage.TokenSettings{
				Format: mintage.FormatSealed, Alg: fmt.Sprint("ALG", i), Claims: mintage.ClaimsMyParcel, Lifetime: time.Duration(i+1) * time.Minute,
			}
			if want == mintage.LayerBuiltIn {
				want = layers[i]
			}
		}
		r := mintage.Request{GrantType: oauth.ClientCredentials, Scope: oauth.Scope{"orders/read"}}
		servers := map[string]*mintage.ResourceServer{server.Identifier: server}
		x := mintage.Explain(tenant, client, servers, dialect, r)
		origin := mintage.Origin{Layer: want}
		if want == mintage.LayerResourceServer {
			origin.ResourceServer = server.Identifier
		}
		if all := (mintage.TokenOrigins{Format: origin, Alg: origin, Claims: origin, Lifetime: origin}); x.Token != all {
			t.Errorf("layers %04b: got %+v, want %+v", set, x.Token, all)
		}
		az, err := mintage.Authorize(tenant, client, servers, dialect, r)
		if err != nil || !reflect.DeepEqual(az, x.Authorization) {
			t.Errorf("layers %04b: explained %+v, decided %+v, %v", set, x.Authorization, az, err)
		}
	}
}

func caller() *mintage.Client {
	return &mintage.Client{
		ID: "c", GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeAll},
		Grants: []mintage.Grant{{ResourceServer: "https://orders.example", Scopes: []string{"*"}}},
	}
}

func ordersAPI() *mintage.ResourceServer {
	return &mintage.ResourceServer{
		Identifier: "https://orders.example", ScopePrefix: "orders/", Scopes: []mintage.ScopeDefinition{{Name: "read"}, {Name: "write"}},
	}
}

// TestExplainRules: how scope and audience are decided, and what is refused.
func TestExplainRules(t *testing.T) {
	t.Parallel()
	stock := &mintage.ResourceServer{Identifier: "https://stock.example", Scopes: []mintage.ScopeDefinition{{Name: "count"}}, Token: mintage.TokenSettings{Lifetime: time.Minute}}
	both := caller()
	both.MultiAudience = true
	both.Grants = append(both.Grants, mintage.Grant{ResourceServer: stock.Identifier, Scopes: []string{"count"}})
	for _, tt := range []struct {
		name    string
		client  *mintage.Client
		dialect string
		request mintage.Request
		want    string
	}{
		{"asked", caller(), "rfc", mintage.Request{Scope: oauth.Scope{"orders/read"}}, "asked scope [{orders/read https://orders.example true}]"},
		{"default", caller(), "rfc", mintage.Request{}, "default_scope scope [{orders/read https://orders.example true} {orders/write https://orders.example true}]"},
		{"star", caller(), "myparcel", mintage.Request{Scope: oauth.Scope{"*"}}, "star scope [{orders/read https://orders.example true} {orders/write https://orders.example true}]"},
		{"dialect", caller(), "cognito", mintage.Request{}, "dialect none [{orders/read https://orders.example true} {orders/write https://orders.example true}]"},
		{"named", both, "rfc", mintage.Request{Scope: oauth.Scope{"count"}, Audiences: []string{stock.Identifier}}, "asked named [{count https://stock.example false}]"},
		{"refused for its scope", caller(), "rfc", mintage.Request{Scope: oauth.Scope{"orders/burn"}}, "refused scope.unknown asked"},
		{"refused before that", caller(), "rfc", mintage.Request{GrantType: "x"}, "refused grant.not_allowed "},
	} {
		d, _ := mintage.DialectByName(tt.dialect)
		if tt.request.GrantType == "" {
			tt.request.GrantType = oauth.ClientCredentials
		}
		servers := map[string]*mintage.ResourceServer{"https://orders.example": ordersAPI(), stock.Identifier: stock}
		x := mintage.Explain(&mintage.Tenant{}, tt.client, servers, d, tt.request)
		got := fmt.Sprint(x.ScopeRule, " ", x.AudienceRule, " ", x.Scopes)
		if x.Refused != nil {
			got = fmt.Sprint("refused ", x.Refused.Reason, " ", x.ScopeRule)
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		_, err := mintage.Authorize(&mintage.Tenant{}, tt.client, servers, d, tt.request)
		if decided, _ := errors.AsType[*oauth.Error](err); (decided == nil) != (x.Refused == nil) || decided != nil && decided.Reason != x.Refused.Reason {
			t.Errorf("%s: explained %v, decided %v", tt.name, x.Refused, decided)
		}
	}
	x := mintage.Explain(&mintage.Tenant{}, both, map[string]*mintage.ResourceServer{"https://orders.example": ordersAPI(), stock.Identifier: stock}, mintage.Dialect{},
		mintage.Request{GrantType: oauth.ClientCredentials})
	if want := (mintage.Origin{Layer: mintage.LayerResourceServer, ResourceServer: stock.Identifier}); x.Token.Lifetime != want {
		t.Errorf("of several resource servers: got %+v, want %+v", x.Token.Lifetime, want)
	}
}

// TestLadder: the ladder by the day.
func TestLadder(t *testing.T) {
	t.Parallel()
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		state        mintage.LadderState
		before, then mintage.LadderState
		sunset       time.Time
	}{
		{"", mintage.LadderRefuse, mintage.LadderRefuse, time.Time{}},
		{mintage.LadderRefuse, mintage.LadderRefuse, mintage.LadderRefuse, time.Time{}},
		{mintage.LadderAllow, mintage.LadderAllow, mintage.LadderAllow, time.Time{}},
		{mintage.LadderWarn, mintage.LadderWarn, mintage.LadderWarn, time.Time{}},
		{mintage.LadderWarnUntil(day), mintage.LadderWarn, mintage.LadderRefuse, day},
		{"warn until 2027-02-30", mintage.LadderRefuse, mintage.LadderRefuse, time.Time{}},
		{"Warn", mintage.LadderRefuse, mintage.LadderRefuse, time.Time{}},
	} {
		c := &mintage.Client{Ladder: map[mintage.Rung]mintage.LadderState{mintage.RungTwoMethods: tt.state}}
		if got := c.Rung(mintage.RungTwoMethods, day.Add(-time.Second)); got != tt.before {
			t.Errorf("%q the day before: got %s, want %s", tt.state, got, tt.before)
		}
		if got := c.Rung(mintage.RungTwoMethods, day); got != tt.then {
			t.Errorf("%q on the day: got %s, want %s", tt.state, got, tt.then)
		}
		if got := c.Sunset(mintage.RungTwoMethods); !got.Equal(tt.sunset) {
			t.Errorf("%q: sunset %s, want %s", tt.state, got, tt.sunset)
		}
	}
}
