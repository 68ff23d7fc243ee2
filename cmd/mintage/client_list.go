package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// clientListFlags narrow and sort the list of clients.
type clientListFlags struct {
	ladder          bool
	filter          adminclient.ClientFilter
	expires, unused string
}

func (a *app) clientListCommand() *cobra.Command {
	var f clientListFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the clients of a tenant",
		Example: `  mintage client list --tenant prod -o json
  mintage client list --api orders --unused 90d --sort last_used
  mintage client list --expires-within 30d --sort expires
  mintage client list --label team=billing --status disabled
  mintage client list --tenant prod --ladder`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.ladder {
				return a.clientLadder(cmd.Context())
			}
			return a.clientList(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.ladder, "ladder", false, "those that send secrets in the URL, or authenticate twice, and when they last did")
	fl.StringVar(&f.filter.Search, "search", "", "only those with this in their name or id")
	fl.StringVar(&f.filter.Status, "status", "", "only those that are active, disabled, rotating or without a live secret (no_secret)")
	fl.StringVar(&f.filter.API, "api", "", "only those with a grant at the API with this identifier or name")
	fl.StringVar(&f.filter.Organization, "organization", "", "only those of this organization")
	fl.StringVar(&f.filter.Label, "label", "", "only those with this label, NAME or NAME=VALUE")
	fl.StringVar(&f.expires, "expires-within", "", "only those with a secret that ends in this time, such as 30d, and is not being replaced")
	fl.StringVar(&f.unused, "unused", "", "only those that were neither used nor made in this time, such as 90d")
	fl.StringVar(&f.filter.Sort, "sort", "", "by name, created, last_used or expires, with a hyphen before it from the last to the first; left out: by id")
	for _, other := range []string{"search", "status", "api", "organization", "label", "expires-within", "unused", "sort"} {
		cmd.MarkFlagsMutuallyExclusive("ladder", other)
	}
	return cmd
}

func (a *app) clientList(ctx context.Context, f clientListFlags) error {
	for _, span := range []struct {
		flag, said string
		to         *time.Duration
	}{{"expires-within", f.expires, &f.filter.ExpiresWithin}, {"unused", f.unused, &f.filter.UnusedFor}} {
		if span.said == "" {
			continue
		}
		d, err := spanFlag(span.flag, span.said, "30d")
		if err != nil {
			return err
		}
		*span.to = d
	}
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	if f.filter.API != "" {
		rs, err := findResourceServer(ctx, api, tenant, f.filter.API)
		if err != nil {
			return err
		}
		f.filter.API = rs.Identifier
	}
	day, err := a.lastDay(ctx, api, tenant)
	if err != nil {
		return err
	}
	return listed(a, []string{"NAME", "ID", "STATUS", "APIS", "TOKENS 24H", "REFUSED", "LAST USED", "SECRET EXPIRES"},
		api.FindClients(ctx, tenant, f.filter, wholeList), func(c *adminclient.RegisteredClient) (string, []string) {
			issued, refused := "-", "-"
			if day != nil {
				issued, refused = strconv.FormatInt(day[c.ClientID].Issued, 10), strconv.FormatInt(day[c.ClientID].Refused, 10)
			}
			return c.ClientID, []string{
				c.Name, c.ClientID, clientStatus(c), strings.Join(grantNames(c), " "), issued, refused, lastUsed(c), soonestExpiry(c),
			}
		})
}

// lastDay returns what the clients of a tenant asked for in the last 24 hours. It
// is nil where no table is printed, and where the server does not say: to who
// may not see usage, or when it is of too many clients for one answer.
func (a *app) lastDay(ctx context.Context, api *adminclient.Client, tenant string) (map[string]adminclient.UsageSum, error) {
	if !a.tabular() {
		return nil, nil
	}
	u, err := api.Usage(ctx, tenant, adminclient.UsageFilter{GroupBy: []string{"client"}})
	if p, ok := errors.AsType[*adminclient.Problem](err); ok && p.Status < http.StatusInternalServerError {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	day := make(map[string]adminclient.UsageSum, len(u.Items))
	for _, sum := range u.Items {
		day[sum.ClientID] = sum
	}
	return day, nil
}

func grantNames(c *adminclient.RegisteredClient) []string {
	names := make([]string, len(c.Grants))
	for i, g := range c.Grants {
		names[i] = g.ResourceServer
	}
	return names
}

// lastUsed is when a secret of the client was used last.
func lastUsed(c *adminclient.RegisteredClient) string {
	var last *time.Time
	for _, s := range c.Secrets {
		if s.LastUsedAt != nil && (last == nil || s.LastUsedAt.After(*last)) {
			last = s.LastUsedAt
		}
	}
	return expiry(last)
}

// soonestExpiry is when the next live secret ends.
func soonestExpiry(c *adminclient.RegisteredClient) string {
	var soonest *time.Time
	live := false
	for _, s := range c.Secrets {
		if s.State != adminclient.SecretActive && s.State != adminclient.SecretRetiring {
			continue
		}
		live = true
		if s.ExpiresAt != nil && (soonest == nil || s.ExpiresAt.Before(*soonest)) {
			soonest = s.ExpiresAt
		}
	}
	switch {
	case !live:
		return "no live secret"
	case soonest == nil:
		return "never"
	}
	return when(*soonest)
}
