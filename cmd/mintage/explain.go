package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/explain"
)

// logLag is how long it takes until a request is in the log, and a little; on a
// busy server some of them.
const (
	logLag  = 1500 * time.Millisecond
	logLags = 3
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain TRACE_ID|REASON",
		Short: "Why was this request refused",
		Long: `Say why a request was refused, or warned of, by the trace id in its answer (the
member trace_id, the header X-Request-Id). What is wrong with credentials that are
nearly right (a line break, another client's secret, a secret that was cut off) is
found after the answer, for the operator alone. Requests are kept for 7 days.

With a reason code instead, say what the reason means and what to do about it; that
asks no server.`,
		Example: `  mintage explain req_06gzvyj603hamsjn
  mintage explain req_06gzvyj603hamsjn -o json
  mintage explain limit.guess`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason, ok := explain.Lookup(args[0]); ok {
				return a.explainReason(reason)
			}
			return a.explain(cmd.Context(), args[0])
		},
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	return cmd
}

// explainReason prints a row of the table of reasons.
func (a *app) explainReason(r explain.Reason) error {
	doc := map[string]string{"reason": r.Code, "why": r.Cause, "fix": r.Cure, "docs": "/docs/errors/reasons/" + r.Code}
	text := "why  " + r.Cause + "   reason " + r.Code + "\n"
	if r.Cure != "" {
		text += "fix  " + r.Cure + "\n"
	}
	if r.Reserved() {
		text += "     no release raises it yet\n"
	}
	return a.print(result{doc: doc, text: text + "docs " + doc["docs"] + " on the public listener\n", name: []string{r.Code}})
}

func (a *app) explain(ctx context.Context, traceID string) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	tenant, err := a.namedTenant()
	if err != nil {
		return err
	}
	r, err := api.Request(ctx, tenant, traceID)
	for lag := 0; lag < logLags && errors.Is(err, mintage.ErrNotFound); lag++ { // it may have come this very second
		timer := time.NewTimer(logLag)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		r, err = api.Request(ctx, tenant, traceID)
	}
	if errors.Is(err, mintage.ErrNotFound) {
		return &failure{
			code: exitNotFound, what: "no request in the log has the trace id " + clean([]string{traceID})[0],
			why: "it is older than the log goes back, asked for no token, or is one of a flood of which the first are kept",
			fix: "look for it in the server's log, or: mintage log list",
		}
	}
	if err != nil {
		return err
	}
	return a.print(result{doc: r, text: explanation(r), name: []string{r.TraceID}})
}

// explanation is how people read a request of the log.
func explanation(r *adminclient.Request) string {
	who := cmp.Or(r.ClientName, r.ClientID, "nobody")
	if r.Address != "" {
		who += " from " + r.Address
	}
	where := cmp.Or(r.Dialect, "-")
	if r.Endpoint != "token" {
		where = r.Endpoint
	}
	var b strings.Builder
	line := func(cells ...string) { fmt.Fprintln(&b, strings.Join(clean(cells), "   ")) }
	line(r.Outcome+"  "+cmp.Or(r.Error, "-"), stamp(r.Time), who, "dialect "+where)
	line("why  "+r.Why, "reason "+cmp.Or(r.Found, r.Reason))
	if r.Fix != "" {
		line("fix  " + r.Fix)
	}
	if r.Found != "" {
		line("     at first it looked like " + r.Reason)
	}
	if r.OwnerTenant != "" {
		line("     they belong to the client " + r.OwnerClient + " of the tenant " + r.OwnerTenant)
	}
	for i, name := range r.Ignored {
		text := "     the parameter " + name + " is read by nothing"
		if i == 0 && r.DidYouMean != "" {
			text += ": did you mean " + r.DidYouMean + "?"
		}
		line(text)
	}
	if r.ScopeAsked != "" {
		line("     scope asked: " + r.ScopeAsked)
	}
	if r.Count > 1 {
		line(fmt.Sprintf("     %d equal requests until %s", r.Count, stamp(r.LastTime)))
	}
	return b.String()
}

// stamp is when with seconds, as log lines need it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
