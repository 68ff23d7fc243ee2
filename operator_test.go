package mintage_test

import (
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
)

func TestValidateEmail(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"ada@example.com", "a.b+c@sub.example.org", "x@localhost"} {
		if err := mintage.ValidateEmail(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "ada", "@example.com", "ada@", "Ada@example.com", "ada@example.com ", "Ada <ada@example.com>", "<ada@example.com>",
		"ada@example.com, bob@example.com", "аda@example.com", "a\nb@example.com", `"a b"@example.com`,
		strings.Repeat("a", 250) + "@example.com",
	} {
		if mintage.ValidateEmail(s) == nil {
			t.Errorf("%q is valid", s)
		}
	}
}

func FuzzValidateEmail(f *testing.F) {
	f.Add("ada@example.com")
	f.Add("\"ada\"@example.com")
	f.Add("ada@[192.0.2.1]")
	f.Fuzz(func(t *testing.T, s string) {
		if mintage.ValidateEmail(s) != nil {
			return
		}
		if mintage.NormalEmail(s) != s || strings.Count(s, "@") != 1 || strings.ContainsAny(s, "\r\n\t <>") {
			t.Errorf("%q is valid", s)
		}
	})
}

func TestOperatorValidate(t *testing.T) {
	t.Parallel()
	member := func(role mintage.Role) mintage.Membership {
		return mintage.Membership{Tenant: "acme", Organization: "sales", Role: role}
	}
	for _, tt := range []struct {
		name string
		o    mintage.Operator
		want string // pointer of the only problem; empty: none
	}{
		{"owner", mintage.Operator{Email: "a@b.c", Name: "Ada", Role: mintage.RoleOwner}, ""},
		{"member", mintage.Operator{Email: "a@b.c", Memberships: []mintage.Membership{member(mintage.RoleAdmin)}}, ""},
		{"no address", mintage.Operator{Role: mintage.RoleOwner}, "/email"},
		{"name of two lines", mintage.Operator{Email: "a@b.c", Name: "A\nB"}, "/name"},
		{"role", mintage.Operator{Email: "a@b.c", Role: "root"}, "/role"},
		{"owner of an organization", mintage.Operator{Email: "a@b.c", Memberships: []mintage.Membership{member(mintage.RoleOwner)}}, "/memberships/0/role"},
		{"membership without a role", mintage.Operator{Email: "a@b.c", Memberships: []mintage.Membership{member("")}}, "/memberships/0/role"},
		{"twice", mintage.Operator{Email: "a@b.c", Memberships: []mintage.Membership{member("admin"), member("viewer")}}, "/memberships/1"},
		{"nowhere", mintage.Operator{Email: "a@b.c", Memberships: []mintage.Membership{{Role: "viewer"}}}, "/memberships/0"},
	} {
		var got []string
		for _, e := range mintage.FieldErrors(tt.o.Validate()) {
			got = append(got, e.Pointer)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
