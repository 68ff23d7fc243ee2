package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// logCommand is mintage log.
func (a *app) logCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "The log of requests, refused, warned of and answered with a token: list, tail",
		Example: `  mintage log list --tenant prod --refused --since 1h
  mintage log list --reason auth.whitespace -o json
  mintage log tail --refused`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(a.logListCommand(), a.logTailCommand())
	return cmd
}

// logFlags narrow the log.
type logFlags struct {
	reason, client, outcome, since, until string
	refused                               bool
	limit                                 int
}

func (f *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.reason, "reason", "", "only requests with this reason code: mintage help errors lists them")
	cmd.Flags().StringVar(&f.client, "client", "", "only requests with this client id")
	cmd.Flags().StringVar(&f.outcome, "outcome", "", "only requests that ended so: issued, refused or warned")
	cmd.Flags().BoolVar(&f.refused, "refused", false, "the same as --outcome refused")
	cmd.MarkFlagsMutuallyExclusive("outcome", "refused")
}

func (f *logFlags) filter(now time.Time) (adminclient.RequestFilter, error) {
	filter := adminclient.RequestFilter{Reason: f.reason, ClientID: f.client, Outcome: f.outcome}
	if f.refused {
		filter.Outcome = adminclient.OutcomeRefused
	}
	var err error
	filter.Since, filter.Until, err = instants(f.since, f.until, now)
	return filter, err
}

func (a *app) logListCommand() *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List requests, newest first; of all tenants where none is named",
		Example: "  mintage log list --refused --since 24h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			return a.logList(cmd.Context(), filter, f.limit)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.since, "since", "", "only requests since then: an instant, a day, or how long ago")
	cmd.Flags().StringVar(&f.until, "until", "", "only requests before then")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "how many at most; 0 is all")
	return cmd
}

// logTenant is the tenant that is named; empty: all that may be seen.
func (a *app) logTenant() string {
	t, _ := a.namedTenant() // what is wrong with the profiles, connecting has told
	return t
}

func (a *app) logList(ctx context.Context, filter adminclient.RequestFilter, limit int) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	docs := []*adminclient.Request{}
	r := result{head: logHead()}
	for req, err := range api.Requests(ctx, a.logTenant(), filter, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		docs = append(docs, req)
		r.rows = append(r.rows, logRow(req))
		r.name = append(r.name, req.TraceID)
		if len(docs) == limit {
			break
		}
	}
	r.doc = docs
	return a.print(r)
}

func logHead() []string {
	return []string{"TIME", "TENANT", "CLIENT", "ERROR", "REASON", "WHERE", "FROM", "COUNT", "TRACE ID"}
}

func logRow(r *adminclient.Request) []string {
	where := cmp.Or(r.Dialect, r.Endpoint)
	if r.Endpoint != "token" {
		where = r.Endpoint
	}
	return []string{
		stamp(r.Time), cmp.Or(r.Tenant, "-"), cmp.Or(r.ClientName, r.ClientID, "-"), cmp.Or(r.Error, r.Outcome), cmp.Or(r.Found, r.Reason),
		where, cmp.Or(r.Address, "-"), strconv.FormatInt(r.Count, 10), r.TraceID,
	}
}

func (a *app) logTailCommand() *cobra.Command {
	var f logFlags
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print requests as they come, until interrupted",
		Example: `  mintage log tail --refused
  mintage log tail --tenant prod -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			if every < 100*time.Millisecond {
				return usage("--every is too short", "1s")
			}
			return a.logTail(cmd.Context(), filter, every)
		},
	}
	f.add(cmd)
	cmd.Flags().DurationVar(&every, "every", time.Second, "how often the server is asked")
	return cmd
}

// tailPage bounds what one look shows: a flood is a few lines a second.
const tailPage = 200

// logTail polls until ctx ends.
func (a *app) logTail(ctx context.Context, filter adminclient.RequestFilter, every time.Duration) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	tail := requestTail{api: api, tenant: a.logTenant(), filter: filter, shown: map[string]time.Time{}}
	tail.filter.Since = time.Now()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		fresh, err := tail.next(ctx)
		if err != nil {
			return err
		}
		for _, r := range fresh {
			if err := a.printLine(r); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// requestTail is the end of the request log. A record appears a second late at
// most and grows for a minute, so it looks back a little and remembers what it
// has shown.
type requestTail struct {
	api    *adminclient.Client
	tenant string
	filter adminclient.RequestFilter
	shown  map[string]time.Time
}

// next returns what is new, oldest first.
func (t *requestTail) next(ctx context.Context) ([]*adminclient.Request, error) {
	const back, forget = 10 * time.Second, 3 * time.Minute
	var fresh []*adminclient.Request
	for r, err := range t.api.Requests(ctx, t.tenant, t.filter, adminclient.List{Limit: tailPage}) {
		if err != nil {
			return nil, err
		}
		if _, ok := t.shown[r.TraceID]; !ok {
			fresh = append(fresh, r)
			t.shown[r.TraceID] = time.Now()
		}
		if len(fresh) == tailPage {
			break
		}
	}
	maps.DeleteFunc(t.shown, func(_ string, at time.Time) bool { return time.Since(at) > forget })
	t.filter.Since = time.Now().Add(-back)
	slices.Reverse(fresh)
	return fresh, nil
}

// printLine prints one request of a stream: a line for people, or one of JSON.
func (a *app) printLine(r *adminclient.Request) error {
	switch {
	case a.flags.jq != "":
		return a.printJQ(r)
	case a.flags.template != "":
		return a.printTemplate(r)
	case a.flags.json, a.flags.output == "json":
		return json.NewEncoder(a.stdout).Encode(r)
	case a.flags.output == "name":
		_, err := fmt.Fprintln(a.stdout, r.TraceID)
		return err
	case a.flags.output == "yaml":
		return usage("a stream has no end, and so is no YAML document", "-o json prints one document a line")
	}
	sep := "\t"
	if a.terminal || a.flags.output == "table" {
		sep = "  "
	}
	_, err := fmt.Fprintln(a.stdout, strings.Join(clean(logRow(r)), sep))
	return err
}
