package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the server, its tenants and what is about to end",
		Long: `Look from this machine at the server and at each tenant that the credentials may
see, or at the one that --tenant names: whether it is ready, clocks agree, issuers
are reached, metadata and keys are what they should be, and which certificates and
secrets end soon. Nothing is changed. Exit code 8 says that something is wrong (✗);
what ought to be looked at soon (!) is no failure.`,
		Example: `  mintage doctor
  mintage doctor --tenant prod -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	return cmd
}

// finding is one line of doctor.
type finding struct {
	Status string `json:"status"` // ok, warn or fail
	Check  string `json:"check"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

var findingMarks = map[string]string{"ok": "✓", "warn": "!", "fail": "✗"}

// diagnosis collects what doctor finds.
type diagnosis struct {
	app      *app
	now      time.Time
	findings []finding
}

func (d *diagnosis) add(status, check, detail, fix string) {
	d.findings = append(d.findings, finding{Status: status, Check: check, Detail: detail, Fix: fix})
}

func (a *app) doctor(ctx context.Context) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	d := &diagnosis{app: a, now: time.Now()}
	if d.server(ctx, api.BaseURL) {
		if err := d.tenants(ctx, api); err != nil {
			return err
		}
	}
	r := result{doc: d.findings}
	failed := false
	var text strings.Builder
	for _, f := range d.findings {
		failed = failed || f.Status == "fail"
		fmt.Fprintf(&text, "%s %s: %s\n", findingMarks[f.Status], f.Check, f.Detail)
		if f.Fix != "" {
			fmt.Fprintf(&text, "    fix: %s\n", f.Fix)
		}
		r.name = append(r.name, f.Check)
	}
	r.text = text.String()
	if err := a.print(r); err != nil {
		return err
	}
	if failed {
		return silent(exitNo)
	}
	return nil
}

// server looks at the admin listener, and reports whether it answers.
func (d *diagnosis) server(ctx context.Context, url string) bool {
	p, err := d.app.probe(ctx, url+"/readyz")
	if err != nil {
		d.add("fail", "server", err.Error(), "start it with: mintage serve   or set MINTAGE_URL")
		return false
	}
	ready := "ok"
	if p.status != http.StatusOK {
		ready = "fail"
	}
	checks := p.checks()
	for _, name := range sortedKeys(checks) {
		if why := checks[name]; why != "ok" && why != "no" {
			d.add("fail", "server "+name, why, "see the server's log")
		}
	}
	d.add(ready, "server", fmt.Sprintf("%s answers /readyz with %d", url, p.status), "")
	d.clock(p)
	d.certificate("certificate of the admin listener", p.until)
	return true
}

// clock compares the server's clock with ours.
func (d *diagnosis) clock(p *probed) {
	const tolerated, wrong = 5 * time.Second, time.Minute
	at, err := http.ParseTime(p.header.Get("Date"))
	if err != nil {
		d.add("warn", "clock", "the server does not say what time it has", "")
		return
	}
	off := at.Sub(p.at).Round(time.Second)
	detail := fmt.Sprintf("the server's is %s off this machine's", off.Abs())
	switch {
	case off.Abs() > wrong:
		d.add("fail", "clock", detail, "run a time service on both: tokens would be refused as not valid yet or expired")
	case off.Abs() > tolerated:
		d.add("warn", "clock", detail, "run a time service on both")
	default:
		d.add("ok", "clock", detail, "")
	}
}

// ends judges something that ends: a failure within a week, a warning within
// thirty days.
func (d *diagnosis) ends(check, what string, at time.Time, fix string) {
	const day = 24 * time.Hour
	left := at.Sub(d.now)
	detail := fmt.Sprintf("%s ends %s", what, relative(left))
	switch {
	case left < 7*day:
		d.add("fail", check, detail, fix)
	case left < 30*day:
		d.add("warn", check, detail, fix)
	default:
		d.add("ok", check, detail, "")
	}
}

func (d *diagnosis) certificate(check string, until time.Time) {
	if !until.IsZero() {
		d.ends(check, "it", until, "renew it: the server serves new files by itself")
	}
}

// tenants looks at each tenant in turn.
func (d *diagnosis) tenants(ctx context.Context, api *adminclient.Client) error {
	only := d.app.flags.tenant
	for t, err := range api.Tenants(ctx, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		switch {
		case only != "" && t.ID != only, t.BuiltIn:
		case t.Disabled:
			d.add("warn", "tenant "+t.ID, "it is disabled", "mintage tenant enable "+t.ID)
		default:
			if err := d.tenant(ctx, api, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *diagnosis) tenant(ctx context.Context, api *adminclient.Client, t *adminclient.Tenant) error {
	published, reached := d.issuer(ctx, t)
	active := 0
	for k, err := range api.Keys(ctx, t.ID, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		if k.State != "active" {
			continue
		}
		active++
		d.overdue(t, k)
		if len(k.JWK) > 0 && reached && !published[k.KID] {
			d.add("fail", "keys of "+t.ID, "the key "+k.KID+" signs and is not in the JWKS",
				"look for a cache in front that keeps the JWKS for longer than five minutes")
		}
	}
	if active == 0 {
		d.add("fail", "keys of "+t.ID, "no key signs", "mintage key rotate --wait 0s --tenant "+t.ID)
	} else {
		d.add("ok", "keys of "+t.ID, fmt.Sprintf("%d in use", active), "")
	}
	return d.secrets(ctx, api, t)
}

// overdue tells of a key that the server should have replaced, and that has no
// end although nothing follows it.
func (d *diagnosis) overdue(t *adminclient.Tenant, k *adminclient.SigningKey) {
	const late = 24 * time.Hour // the server looks every hour
	if k.DueAt != nil && d.now.Sub(*k.DueAt) >= late {
		d.add("fail", "keys of "+t.ID, fmt.Sprintf("the %s key %s should have been replaced %s", k.Alg, k.KID, relative(k.DueAt.Sub(d.now))),
			"see why in the server's log (key.overdue), then: mintage key rotate --alg "+k.Alg+" --tenant "+t.ID)
	}
}

// issuer looks at the metadata and the JWKS of a tenant, as its verifiers would,
// and returns the kids that are published.
func (d *diagnosis) issuer(ctx context.Context, t *adminclient.Tenant) (kids map[string]bool, reached bool) {
	check := "issuer of " + t.ID
	p, err := d.app.probe(ctx, t.Issuer+"/.well-known/openid-configuration")
	if err != nil {
		d.add("fail", check, err.Error(), "check DNS, proxy and firewall between here and "+t.Issuer)
		return nil, false
	}
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	switch err := json.Unmarshal(p.body, &doc); {
	case p.status != http.StatusOK || err != nil:
		d.add("fail", check, fmt.Sprintf("%s answers %d where the metadata should be", t.Issuer, p.status),
			"let the proxy pass on host and path as they are, or add the host to the tenant's aliases")
		return nil, false
	case doc.Issuer != t.Issuer:
		d.add("fail", check, fmt.Sprintf("the metadata at %s is of %q", t.Issuer, doc.Issuer), "let the proxy pass on host and path as they are")
		return nil, false
	}
	d.certificate("certificate of "+t.ID, p.until)
	jwks, err := d.app.probe(ctx, doc.JWKSURI)
	var set struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	if err == nil {
		err = json.Unmarshal(jwks.body, &set)
	}
	if err != nil {
		d.add("fail", check, "the JWKS at "+doc.JWKSURI+" cannot be read: "+err.Error(), "")
		return nil, false
	}
	kids = map[string]bool{}
	for _, k := range set.Keys {
		kids[k.KID] = true
	}
	d.add("ok", check, fmt.Sprintf("%s is reached, with %d keys", t.Issuer, len(kids)), "")
	return kids, true
}

// secrets tells of clients all of whose secrets end soon.
func (d *diagnosis) secrets(ctx context.Context, api *adminclient.Client, t *adminclient.Tenant) error {
	check, soon := "secrets of "+t.ID, 0
	for c, err := range api.Clients(ctx, t.ID, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		last, live := time.Time{}, 0
		for i := range c.Secrets {
			s := &c.Secrets[i]
			if s.State != adminclient.SecretActive {
				continue
			}
			live++
			if s.ExpiresAt == nil {
				last = d.now.AddDate(100, 0, 0)
			} else if s.ExpiresAt.After(last) {
				last = *s.ExpiresAt
			}
		}
		const month = 30 * 24 * time.Hour
		if !c.Disabled && live > 0 && last.Sub(d.now) < month {
			soon++
			d.ends(check, "the last secret of the client "+c.ClientID+" ("+c.Name+")", last,
				"mintage client secret add "+c.ClientID+" --tenant "+t.ID)
		}
	}
	if soon == 0 {
		d.add("ok", check, "none that a client needs ends within 30 days", "")
	}
	return nil
}
