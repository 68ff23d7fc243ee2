package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata and docs/reference/cli")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mintage": func() { os.Exit(run()) }})
}

// TestScript runs the commands as people do. Each script has a server of its
// own, where it needs one, on addresses that freeports found.
func TestScript(t *testing.T) {
	t.Parallel()
	dir, files := "testdata/script", []string(nil)
	if testing.Short() { // what a commit must pass: every command starts anew, which the race detector makes slow
		dir, files = "", []string{"testdata/script/usage.txt", "testdata/script/apply.txt", "testdata/script/client.txt", "testdata/script/key.txt"}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		Files:               files,
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		ContinueOnError:     false,
		RequireExplicitExec: false,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("DATE", time.Now().UTC().Format(time.DateOnly))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"accept":       scriptAccept,
			"certificate":  scriptCertificate,
			"dotenv":       scriptDotenv,
			"exits":        scriptExits,
			"expand":       scriptExpand,
			"freeports":    scriptFreePorts,
			"mask":         scriptMask,
			"mode":         scriptMode,
			"pair":         scriptPair,
			"sighup":       scriptSighup,
			"sigterm":      scriptSigterm,
			"waitlog":      scriptWaitLog,
			"waitmetric":   scriptWaitMetric,
			"waitready":    scriptWaitReady,
			"waitrequests": scriptWaitRequests,
			"waitserved":   scriptWaitServed,
		},
	})
}

// scriptFreePorts sets variables to ports of 127.0.0.1 that nobody listens on.
func scriptFreePorts(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		ts.Check(err)
		defer func() { ts.Check(ln.Close()) }()
		_, port, err := net.SplitHostPort(ln.Addr().String())
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

// scriptExits runs a command that ends with an exit code: exits CODE COMMAND...
func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// scriptWaitReady waits until the server with its admin listener on a port is
// ready: waitready PORT [CERT].
func scriptWaitReady(ts *testscript.TestScript, _ bool, args []string) {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url, transport := "http://127.0.0.1:"+args[0]+"/readyz", &http.Transport{}
	if len(args) == 2 {
		url = "https" + strings.TrimPrefix(url, "http")
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(ts.ReadFile(args[1])))
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Timeout: patience, Transport: transport}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		ts.Check(err)
		if res, err := client.Do(req); err == nil {
			ts.Check(res.Body.Close())
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("the server on port %s is not ready after %s", args[0], patience)
		}
	}
}

// scriptSigterm asks the processes in the background to end.
func scriptSigterm(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

// scriptSighup asks the processes in the background to read their settings.
func scriptSighup(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGHUP))
	}
}

// scriptWaitLog waits until a file has so many matches of an expression:
// waitlog FILE EXPRESSION [COUNT].
func scriptWaitLog(ts *testscript.TestScript, _ bool, args []string) {
	want := 1
	if len(args) == 3 {
		var err error
		want, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	const patience = 20 * time.Second
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	find := regexp.MustCompile(args[1])
	for end := time.Now().Add(patience); len(find.FindAllString(ts.ReadFile(args[0]), -1)) < want; <-tick.C {
		if time.Now().After(end) {
			ts.Fatalf("%s is not there %d times after %s:\n%s", args[1], want, patience, ts.ReadFile(args[0]))
		}
	}
}

// scriptExpand replaces $NAME of the named variables in files: expand FILE
// NAME...
func scriptExpand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: expand FILE NAME...")
	}
	text := ts.ReadFile(args[0])
	for _, name := range args[1:] {
		text = strings.ReplaceAll(text, "$"+name, ts.Getenv(name))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// scriptMode checks the mode of files: mode 0600 FILE...
func scriptMode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := info.Mode().Perm(); got != os.FileMode(want) {
			ts.Fatalf("%s has mode %04o, want %04o", name, got, want)
		}
	}
}

// scriptDotenv sets the variables in a .env file.
func scriptDotenv(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			ts.Setenv(name, value)
		}
	}
}

// masks take out of a document what differs from run to run.
var masks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "JWT"},
	{regexp.MustCompile(`mint_(live|test)_[0-9A-Za-z]{49}`), "mint_${1}_SECRET"},
	{regexp.MustCompile(`mint_(live|test)_…\w{4}`), "mint_${1}_…HINT"},
	{regexp.MustCompile(`\bmc_[0-9A-Za-z]{16}\b`), "mc_ID"},
	{regexp.MustCompile(`\bsec_[0-9a-z]+\b`), "sec_ID"},
	{regexp.MustCompile(`\b(op|inv)_[0-9A-Za-z]{16}\b`), "${1}_ID"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA256"},
	{regexp.MustCompile(`/(setup|invitation|recover)/[0-9A-Za-z]{43}\b`), "/${1}/TOKEN"},
	{regexp.MustCompile(`\breq_[0-9a-z]+\b`), "req_ID"},
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "UUID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`), "TIME"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d\b`), "DATE"},
	{regexp.MustCompile(`("(?:kid|x|y|n|hash)": )"[^"]+"`), `$1"…"`},
	{regexp.MustCompile(`("(?:iat|exp|expires_in)": )-?\d+`), `${1}0`},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
}

// scriptMask copies a file without what differs from run to run: mask stdout
// FILE.
func scriptMask(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mask FROM TO")
	}
	text := ts.ReadFile(args[0])
	for _, m := range masks {
		text = m.find.ReplaceAllString(text, m.put)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// scriptCertificate makes a certificate for 127.0.0.1 and its key: certificate
// CERT KEY.
func scriptCertificate(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(makeCertificate(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

func makeCertificate(certificate, private string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mintage test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	sealed, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: sealed}), 0o600))
}

// TestExitCodes holds the page and the help to one table.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reference/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range exitCodes() {
		if want := fmt.Sprintf("| %s | %s |", row[0], row[1]); !strings.Contains(string(page), want) {
			t.Errorf("docs/reference/exit-codes.md has no row %s", want)
		}
	}
}
