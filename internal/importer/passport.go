package importer

import (
	"encoding/json"
	"slices"

	"github.com/mintage-auth/mintage"
)

// readPassport reads Laravel Passport's table oauth_clients. Its clients may
// have every scope, but for those that list their own.
func readPassport(b *builder, data []byte) error {
	return readTable(data, "oauth_clients", func(r row) error {
		id, name := r["id"], r["name"]
		var types []string
		_ = json.Unmarshal([]byte(r["grant_types"]), &types) // a column of later versions
		switch {
		case id == "":
			b.skip(id, name, "it has no id")
		case yes(r["revoked"]):
			b.skip(id, name, "it is revoked")
		case yes(r["personal_access_client"]) || yes(r["password_client"]), len(types) > 0 && !slices.Contains(types, "client_credentials"):
			b.skip(id, name, "it does not use client credentials")
		case r["secret"] == "":
			b.skip(id, name, "it is a public client, and has no secret")
		default:
			f := found{id: id, name: name, scopes: map[string][]string{"": {mintage.AllScopes}}}
			var own []string
			if json.Unmarshal([]byte(r["scopes"]), &own) == nil && own != nil {
				f.scopes[""] = own
			}
			b.tableSecret(&f, r["secret"])
			b.add(f)
		}
		return nil
	})
}
