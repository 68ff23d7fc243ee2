package importer

import "strings"

// readDoorkeeper reads Doorkeeper's table oauth_applications.
func readDoorkeeper(b *builder, data []byte) error {
	return readTable(data, "oauth_applications", func(r row) error {
		id, name := r["uid"], r["name"]
		switch {
		case id == "":
			b.skip(id, name, "it has no uid")
		case r["confidential"] != "" && !yes(r["confidential"]):
			b.skip(id, name, "it is a public client, and has no secret")
		default:
			f := found{id: id, name: name, scopes: map[string][]string{}}
			if scopes := strings.Fields(r["scopes"]); len(scopes) > 0 {
				f.scopes[""] = scopes
			}
			b.tableSecret(&f, r["secret"])
			b.add(f)
		}
		return nil
	})
}
