package main

import (
	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
)

// dialect is what dialect list prints.
type dialect struct {
	Name        string `json:"name"`
	Path        string `json:"path"` // where its servers usually have the token endpoint
	Body        string `json:"body"`
	Credentials string `json:"credentials"`
	Format      string `json:"token_format"`
	Alg         string `json:"alg,omitempty"`
	Lifetime    int64  `json:"lifetime"` // seconds
}

// dialects are the rows that the table of dialects needs beside what the root
// package knows.
func dialects() []dialect {
	reads := map[string]dialect{
		mintage.DialectRFC:        {Path: "/oauth2/token", Body: "form json", Credentials: "basic post"},
		mintage.DialectCognito:    {Path: "/oauth2/token", Body: "form", Credentials: "basic post"},
		mintage.DialectMyParcel:   {Path: "/access-token", Body: "form json", Credentials: "basic post"},
		mintage.DialectDoorkeeper: {Path: "/oauth/token", Body: "form json", Credentials: "basic post query"},
	}
	var all []dialect
	for _, d := range mintage.Dialects() {
		row := reads[d.Name]
		row.Name, row.Alg = d.Name, d.Token.Alg
		row.Format = string(d.Token.Format)
		row.Lifetime = int64(d.Token.Lifetime.Seconds())
		if row.Format == "" {
			row.Format, row.Alg = string(mintage.DefaultTokenFormat), mintage.DefaultTokenAlg
			row.Lifetime = int64(mintage.DefaultTokenLifetime.Seconds())
		}
		all = append(all, row)
	}
	return all
}

func (a *app) dialectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dialect", Short: "Dialects of the token endpoint: list", Example: "  mintage dialect list", Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.outputFlags(cmd)
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the dialects that this build speaks", Example: "  mintage dialect list", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r := result{doc: dialects(), head: []string{"NAME", "USUAL PATH", "BODY", "CREDENTIALS", "TOKEN"}}
			for _, d := range dialects() {
				r.name = append(r.name, d.Name)
				r.rows = append(r.rows, []string{d.Name, d.Path, d.Body, d.Credentials, d.Format + " " + d.Alg + " " + seconds(d.Lifetime)})
			}
			return a.print(r)
		},
	})
	return cmd
}
