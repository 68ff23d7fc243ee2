package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/attack"
)

// attackFlags are the flags of attack.
type attackFlags struct {
	tokenFile  string
	badFiles   []string
	keysFile   string
	public     string
	forbidden  string
	identity   []string
	canary     string
	backendLog string
	caFile     string
	only       string
	timeout    time.Duration
	authorized bool
	all        bool

	echo string
	log  string
}

// attackTokenEnv holds the good token where there is no file with it.
const attackTokenEnv = "MINTAGE_ATTACK_TOKEN" //nolint:gosec // the name of a variable

func (a *app) attackCommand() *cobra.Command {
	var f attackFlags
	cmd := &cobra.Command{
		Use:   "attack URL --token-file FILE | attack --echo ADDRESS",
		Short: "Try the published bypasses of gateways and forward auth on a gateway",
		Long: `Send the published bypasses of gateways and forward auth to a gateway, one after
the other, and print what got through. URL is a path behind it that needs a
token, such as http://127.0.0.1:8080/orders; the good token is read from a file
or from ` + attackTokenEnv + `.

What reaches the API says more than the status of an answer: put
mintage attack --echo in its place, which answers with what it got. With --log
it also writes that to a file, which --backend-log reads.

Targets are on this machine, unless --authorized says that you may attack
another. Exit code 8 says that something got through.`,
		Example: `  mintage attack --echo 127.0.0.1:9000 --log seen.log
  mintage attack http://127.0.0.1:8080/orders --token-file token.jwt --public /status --forbidden /admin --backend-log seen.log
  mintage attack https://api.staging.example/orders --token-file token.jwt --canary '"orders":' --authorized`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.echo != "" {
				return a.attackEcho(cmd.Context(), f, args)
			}
			if len(args) == 0 {
				return usage("no target is named", "mintage attack http://127.0.0.1:8080/orders --token-file token.jwt")
			}
			return a.attack(cmd.Context(), args[0], f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.tokenFile, "token-file", "", "file with a token that opens URL, or - for standard input (default $"+attackTokenEnv+")")
	fl.StringArrayVar(&f.badFiles, "bad-token-file", nil, "file with a token that must be refused: expired, revoked, another API's; may be repeated")
	fl.StringVar(&f.keysFile, "jwks-file", "", "the issuer's key set, to try its public keys as secrets")
	fl.StringVar(&f.public, "public", "", "a path behind the gateway that needs no token")
	fl.StringVar(&f.forbidden, "forbidden", "", "a path behind the gateway that the token does not open")
	fl.StringSliceVar(&f.identity, "identity", nil, "headers in which the gateway says who calls (default: those of mintage gateway)")
	fl.StringVar(&f.canary, "canary", "", "a text that is in the answer of URL and in no other")
	fl.StringVar(&f.backendLog, "backend-log", "", "file that mintage attack --echo --log writes")
	fl.StringVar(&f.caFile, "ca-file", "", "PEM file with the authority of an https target's certificate")
	fl.StringVar(&f.only, "only", "", "send only the cases whose name this regular expression matches")
	fl.DurationVar(&f.timeout, "timeout", attack.DefaultTimeout, "how long to wait for each answer")
	fl.BoolVar(&f.authorized, "authorized", false, "the target is on another machine, and you may attack it")
	fl.BoolVar(&f.all, "all", false, "print what was held, too")
	fl.StringVar(&f.echo, "echo", "", "be the API behind the gateway, at this address")
	fl.StringVar(&f.log, "log", "", "with --echo: file to append what arrives to")
	a.outputFlags(cmd)
	return cmd
}

// attackEcho is the API behind the gateway.
func (a *app) attackEcho(ctx context.Context, f attackFlags, args []string) error {
	if len(args) > 0 {
		return usage("--echo attacks nothing", "leave out "+args[0]+", or run the attack in another terminal")
	}
	e := &attack.Echo{Discard: true}
	if f.log != "" {
		// Requests carry tokens.
		file, err := os.OpenFile(f.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return &failure{code: exitUsage, what: "the log cannot be written", why: err.Error(), fix: "--log FILE"}
		}
		defer func() { _ = file.Close() }()
		e.Log = file
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.echo)
	if err != nil {
		return &failure{code: exitUsage, what: "the address cannot be listened at", why: err.Error(), fix: "--echo 127.0.0.1:9000"}
	}
	fmt.Fprintf(a.stderr, "answering at http://%s with what arrives; stop with Ctrl-C\n", l.Addr())
	return e.Serve(ctx, l)
}

func (a *app) attack(ctx context.Context, raw string, f attackFlags) error {
	r, only, err := a.attackRunner(ctx, raw, f)
	if err != nil {
		return err
	}
	if f.backendLog != "" {
		log, err := attack.OpenLog(f.backendLog)
		if err != nil {
			return &failure{code: exitUsage, what: "the log of the API cannot be read", why: err.Error(), fix: "start it with: mintage attack --echo ADDRESS --log FILE"}
		}
		defer func() { _ = log.Close() }()
		r.Target.Backend = log
	}
	var cases []attack.Case
	for _, c := range attack.Corpus() {
		if only.MatchString(c.Name) {
			cases = append(cases, c)
		}
	}
	results, err := r.Run(ctx, cases)
	_, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, attack.ErrBaseline):
		return &failure{
			code: exitFailed, what: "nothing was attacked", why: err.Error(),
			fix: "name a path that the token opens and that needs one",
		}
	case isNet:
		return &failure{code: exitUnreachable, what: "the target cannot be reached", why: err.Error(), fix: "check the URL"}
	case err != nil:
		return &failure{code: exitFailed, what: "the attack ended early", why: err.Error()}
	}
	return a.printAttack(results, f.all)
}

// attackRunner makes the target of the flags.
func (a *app) attackRunner(ctx context.Context, raw string, f attackFlags) (r *attack.Runner, only *regexp.Regexp, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, nil, usage("the target is no http or https URL", "mintage attack http://127.0.0.1:8080/orders --token-file token.jwt")
	}
	if only, err = regexp.Compile(f.only); err != nil {
		return nil, nil, usage("--only: "+err.Error(), "--only '^path/'")
	}
	t := attack.Target{
		URL: u, Public: f.public, Forbidden: f.forbidden, Identity: f.identity, Canary: f.canary, Timeout: f.timeout,
	}
	if t.Dial, err = attackAddress(ctx, u, f.authorized); err != nil {
		return nil, nil, err
	}
	if err := a.attackTokens(&t, f); err != nil {
		return nil, nil, err
	}
	if err := t.Validate(); err != nil {
		return nil, nil, usage(err.Error(), "mintage attack http://127.0.0.1:8080/orders --token-file token.jwt")
	}
	r = &attack.Runner{Target: t}
	if f.caFile != "" {
		pem, err := os.ReadFile(f.caFile)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(pem) {
			return nil, nil, usage("--ca-file has no certificate in it", "name a PEM file")
		}
		r.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	return r, only, nil
}

// attackTokens reads the tokens and the keys.
func (a *app) attackTokens(t *attack.Target, f attackFlags) (err error) {
	t.Token = a.env(attackTokenEnv)
	if f.tokenFile != "" {
		if t.Token, err = a.readToken(f.tokenFile); err != nil {
			return err
		}
	}
	if t.Token == "" {
		return usage("there is no good token", "--token-file FILE, or set "+attackTokenEnv)
	}
	for _, name := range f.badFiles {
		token, err := a.readToken(name)
		if err != nil {
			return err
		}
		t.BadTokens = append(t.BadTokens, token)
	}
	if f.keysFile == "" {
		return nil
	}
	set, err := a.readInput(f.keysFile, attack.MaxKeySet)
	if err == nil {
		t.Keys, err = attack.ReadKeys(set)
	}
	if err != nil {
		return &failure{code: exitUsage, what: "--jwks-file is no key set", why: err.Error(), fix: "curl ISSUER/.well-known/jwks.json > jwks.json"}
	}
	return nil
}

// attackAddress finds where to connect to, once: a name that is looked up
// again may be another machine by then.
func attackAddress(ctx context.Context, u *url.URL, authorized bool) (string, error) { //nolint:revive // the flag is the user's
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	ips, err := (&net.Resolver{}).LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil || len(ips) == 0 {
		return "", &failure{code: exitUnreachable, what: "the target cannot be found", why: fmt.Sprint(err), fix: "check the URL"}
	}
	at := ips[0].Unmap()
	for _, ip := range ips {
		if ip.Unmap().IsLoopback() {
			at = ip.Unmap()
		}
	}
	if !at.IsLoopback() && !authorized {
		return "", &failure{
			code: exitUsage, what: u.Hostname() + " is on another machine", why: "attacking a system without its owner's leave is a crime in most places",
			fix: "--authorized, if you have it",
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", usage("the target's port is no number", "http://127.0.0.1:8080/orders")
	}
	return netip.AddrPortFrom(at, uint16(n)).String(), nil
}

// attackReport is what attack prints.
type attackReport struct {
	Through int             `json:"through"`
	Held    int             `json:"held"`
	Unknown int             `json:"unknown"`
	LeftOut int             `json:"left_out"`
	Items   []attack.Result `json:"items"`
}

func (a *app) printAttack(results []attack.Result, all bool) error { //nolint:revive // the flag is the user's
	report := attackReport{Items: []attack.Result{}}
	r := result{head: []string{"ATTACK", "LIST", "VERDICT", "STATUS", "WHY", "A GATEWAY THAT IS FOOLED"}}
	for _, one := range results {
		switch one.Verdict {
		case attack.Through:
			report.Through++
		case attack.Held:
			report.Held++
		case attack.Unknown:
			report.Unknown++
		case attack.LeftOut:
			report.LeftOut++
		}
		if all || one.Verdict == attack.Through {
			report.Items = append(report.Items, one)
			r.name = append(r.name, one.Name)
			r.rows = append(r.rows, []string{one.Name, strconv.Itoa(one.List), string(one.Verdict), strconv.Itoa(one.Status), one.Why, one.About})
		}
	}
	r.doc = report
	if err := a.print(r); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%d got through, %d held, %d cannot be told without the API's help, %d left out\n",
		report.Through, report.Held, report.Unknown, report.LeftOut)
	if report.Through > 0 {
		return silent(exitNo)
	}
	return nil
}
