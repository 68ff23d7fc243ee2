package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// usageFlags narrow and group usage.
type usageFlags struct {
	client, outcome, reason, api, scope, since, until, step string
	by                                                      []string
	advice                                                  bool
}

// usageCommand is mintage usage.
func (a *app) usageCommand() *cobra.Command {
	var f usageFlags
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "How many tokens were issued and refused, and which clients do not keep theirs",
		Example: `  mintage usage --tenant prod --by client
  mintage usage --tenant prod --client mc_4fXGQZr1tPq9sW2e --step hour --by reason
  mintage usage --since 30d --step day --by api,scope -o json
  mintage usage --tenant prod --advice`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.advice {
				return a.usageAdvice(cmd.Context())
			}
			return a.usage(cmd.Context(), f)
		},
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.client, "client", "", "only requests of the client with this id")
	fl.StringVar(&f.outcome, "outcome", "", "issued or refused")
	fl.StringVar(&f.reason, "reason", "", "only refusals with this reason code")
	fl.StringVar(&f.api, "api", "", "only tokens for the API with this identifier")
	fl.StringVar(&f.scope, "scope", "", "only tokens of this scope, as on the wire")
	fl.StringVar(&f.since, "since", "24h", "since then: an instant, a day, or how long ago")
	fl.StringVar(&f.until, "until", "", "before then; left out: until now")
	fl.StringVar(&f.step, "step", "", "by the minute, hour or day; older counts are by the hour, then by the day")
	fl.StringSliceVar(&f.by, "by", nil, "what to tell apart: tenant, client, reason, api, scope")
	fl.BoolVar(&f.advice, "advice", false, "list clients that got far more tokens in the last hour than they need")
	cmd.MarkFlagsMutuallyExclusive("advice", "by")
	return cmd
}

func (f *usageFlags) filter(now time.Time) (adminclient.UsageFilter, error) {
	filter := adminclient.UsageFilter{
		ClientID: f.client, Outcome: f.outcome, Reason: f.reason, API: f.api, Scope: f.scope, Step: f.step, GroupBy: f.by,
	}
	var err error
	filter.Since, filter.Until, err = instants(f.since, f.until, now)
	return filter, err
}

func (a *app) usage(ctx context.Context, f usageFlags) error {
	filter, err := f.filter(time.Now())
	if err != nil {
		return err
	}
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	u, err := api.Usage(ctx, a.logTenant(), filter)
	if err != nil {
		return err
	}
	r := result{doc: u}
	columns := []struct {
		name string
		cell func(s *adminclient.UsageSum) string
	}{
		{"tenant", func(s *adminclient.UsageSum) string { return s.Tenant }},
		{"client", func(s *adminclient.UsageSum) string { return s.ClientID }},
		{"api", func(s *adminclient.UsageSum) string { return s.API }},
		{"scope", func(s *adminclient.UsageSum) string { return s.Scope }},
		{"reason", func(s *adminclient.UsageSum) string { return s.Reason }},
	}
	if f.step != "" {
		r.head = append(r.head, "START")
	}
	for _, c := range columns {
		if slices.Contains(f.by, c.name) {
			r.head = append(r.head, strings.ToUpper(c.name))
		}
	}
	r.head = append(r.head, "ISSUED", "REFUSED")
	for i := range u.Items {
		s := &u.Items[i]
		var row []string
		if s.Start != nil {
			row = append(row, when(*s.Start))
		}
		for _, c := range columns {
			if slices.Contains(f.by, c.name) {
				row = append(row, cmp.Or(c.cell(s), "-"))
			}
		}
		r.rows = append(r.rows, append(row, strconv.FormatInt(s.Issued, 10), strconv.FormatInt(s.Refused, 10)))
		r.name = append(r.name, cmp.Or(s.ClientID, s.API, s.Scope, s.Reason, s.Tenant, "-"))
	}
	return a.print(r)
}

func (a *app) usageAdvice(ctx context.Context) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	p, err := api.CacheAdvice(ctx, tenant)
	if err != nil {
		return err
	}
	r := result{doc: p.Items, head: []string{"CLIENT", "ID", "ADVICE"}}
	for _, c := range p.Items {
		r.rows = append(r.rows, []string{c.ClientName, c.ClientID, c.Text})
		r.name = append(r.name, c.ClientID)
	}
	return a.print(r)
}
