package mintage_test

import (
	"slices"
	"testing"

	"github.com/mintage-auth/mintage"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		issuer  string
		aliases []string
		want    []mintage.Place
	}{
		{"", []string{"alt.example"}, nil},
		{"https://h.example", nil, []mintage.Place{{Host: "h.example"}}},
		{"https://h.example:443/two", []string{"alt.example", "alt.example:8443"}, []mintage.Place{
			{Host: "h.example", Path: "/two"}, {Host: "alt.example", Path: "/two"}, {Host: "alt.example:8443", Path: "/two"},
		}},
		{"http://localhost:80", []string{"a:443", "b:80"}, []mintage.Place{{Host: "localhost"}, {Host: "a"}, {Host: "b"}}},
		{"https://h.example:80", nil, []mintage.Place{{Host: "h.example:80"}}},
	} {
		if got := (&mintage.Tenant{Issuer: c.issuer, Aliases: c.aliases}).Places(); !slices.Equal(got, c.want) {
			t.Errorf("%q with %q: got %v, want %v", c.issuer, c.aliases, got, c.want)
		}
	}
}

func TestClash(t *testing.T) {
	t.Parallel()
	taken := mintage.Occupied{}
	taken.Add(&mintage.Tenant{ID: "one", Issuer: "https://h.example", Aliases: []string{"alt.example"}})
	for _, c := range []struct {
		name           string
		tenant         mintage.Tenant
		place, pointer string
	}{
		{"itself", mintage.Tenant{ID: "one", Issuer: "https://h.example"}, "", ""},
		{"another path", mintage.Tenant{ID: "two", Issuer: "https://h.example/two", Aliases: []string{"alt.example"}}, "", ""},
		{"its issuer", mintage.Tenant{ID: "two", Issuer: "https://h.example:443"}, "h.example", "/issuer"},
		{"issuer at its alias", mintage.Tenant{ID: "two", Issuer: "https://alt.example"}, "alt.example", "/issuer"},
		{"alias at its issuer", mintage.Tenant{ID: "two", Issuer: "https://two.example", Aliases: []string{"b", "h.example"}}, "h.example", "/aliases/1"},
		{"alias at its alias", mintage.Tenant{ID: "two", Issuer: "https://two.example", Aliases: []string{"alt.example:443"}}, "alt.example", "/aliases/0"},
	} {
		place, other, pointer := taken.Clash(&c.tenant)
		if place.String() != c.place || pointer != c.pointer || (other == "one") != (c.place != "") {
			t.Errorf("%s: got %q, %q, %q; want %q at %q", c.name, place, other, pointer, c.place, c.pointer)
		}
	}
}
