package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// clientLadder lists the clients that do what the ladder has rungs for.
func (a *app) clientLadder(ctx context.Context) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	page, err := api.LadderUses(ctx, tenant)
	if err != nil {
		return err
	}
	now := time.Now()
	r := result{doc: page.Items, head: []string{"NAME", "ID", "DOES", "LADDER", "TIMES", "LAST", "FROM"}}
	for _, u := range page.Items {
		r.name = append(r.name, u.ClientID)
		r.rows = append(r.rows, []string{
			u.ClientName, u.ClientID, u.Rung, u.State, strconv.FormatInt(u.Count, 10), relative(u.LastTime.Sub(now)), u.Address,
		})
	}
	r.note = ladderSummary(page.Items, now)
	return a.print(r)
}

// ladderSummary is a sentence for each rung that somebody stands on.
func ladderSummary(uses []adminclient.LadderUse, now time.Time) string {
	var lines []string
	for _, rung := range []struct{ name, one, many string }{
		{"query_credentials", "1 client still sends secrets in the URL", "%d clients still send secrets in the URL"},
		{"two_methods", "1 client still authenticates in several ways at once", "%d clients still authenticate in several ways at once"},
		{"assertion_audience", "1 client still signs assertions for another audience", "%d clients still sign assertions for another audience"},
	} {
		n, last := 0, time.Time{}
		for _, u := range uses {
			if u.Rung == rung.name {
				n++
				if u.LastTime.After(last) {
					last = u.LastTime
				}
			}
		}
		sentence := rung.one
		if n > 1 {
			sentence = fmt.Sprintf(rung.many, n)
		}
		if n > 0 {
			lines = append(lines, sentence+", last "+relative(last.Sub(now)))
		}
	}
	return strings.Join(lines, "\n")
}
