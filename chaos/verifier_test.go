package chaos_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
)

// verifier accepts a token or says why not.
type verifier interface {
	verify(ctx context.Context, token string) error
}

// verifierOf makes verifiers of one kind whose keys grow no older than life.
type verifierOf func(t *testing.T, issuer string, life time.Duration) verifier

// ours is enforce with a RemoteKeySet that is replaced when it is as old as
// its keys may be: by itself it keeps them for a minute at least.
type ours struct {
	issuer string
	life   time.Duration
	client *http.Client
	now    *enforce.Verifier
	made   time.Time
}

func newOurs(_ *testing.T, issuer string, life time.Duration) verifier {
	return &ours{issuer: issuer, life: life, client: &http.Client{Timeout: 10 * time.Second}}
}

func (o *ours) verify(ctx context.Context, token string) error {
	if o.now == nil || time.Since(o.made) >= o.life {
		o.made = time.Now()
		o.now = &enforce.Verifier{
			Issuers: &enforce.Issuer{
				Name: o.issuer, Keys: &enforce.RemoteKeySet{URL: o.issuer + "/.well-known/jwks.json", Client: o.client},
			},
			Audience: resource,
		}
	}
	_, err := o.now.Verify(ctx, token)
	return err
}

// foreign is a program that reads a token a line and answers with a line.
type foreign struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// foreignOf runs a program that somebody else's library is in. The words of
// the shell are its command line.
func foreignOf(command []string) verifierOf {
	return func(t *testing.T, issuer string, life time.Duration) verifier {
		t.Helper()
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
			"JWKS_URL="+issuer+"/.well-known/jwks.json", "ISSUER="+issuer, "AUDIENCE="+resource,
			"CACHE="+strconv.FormatFloat(life.Seconds(), 'f', -1, 64))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = in.Close()
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return &foreign{in, bufio.NewReader(out)}
	}
}

func (f *foreign) verify(_ context.Context, token string) error {
	if _, err := io.WriteString(f.in, token+"\n"); err != nil {
		return err
	}
	line, err := f.out.ReadString('\n')
	if err != nil {
		return err
	}
	if line = strings.TrimSpace(line); line != "ok" {
		return errors.New(line)
	}
	return nil
}

// installForeign gets the libraries, with the scripts of ../shared/clients,
// into their cache, and returns how the programs are run. Outside CI it returns
// those that could be had.
func installForeign(t *testing.T) map[string]verifierOf {
	t.Helper()
	lib, err := filepath.Abs("../../shared/clients/lib.sh")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Abs("testdata/verifiers")
	if err != nil {
		t.Fatal(err)
	}
	node := "node"
	if own, err := filepath.Abs("../.tools/node/bin/node"); err == nil {
		if _, err := os.Stat(own); err == nil {
			node = own // scripts/setup put it there, the system's being too old
		}
	}
	found := map[string]verifierOf{}
	for name, script := range map[string]string{
		"go-oidc": `go_prog github.com/coreos/go-oidc/v3@v3.21.0 <` + programs + `/go-oidc.go && echo "$GOPROG"`,
		"jose": `npm_need jose@6.2.17 && cp ` + programs + `/jose.mjs "$NPM/rotation-jose.mjs" && echo ` + node +
			` "$NPM/rotation-jose.mjs"`,
		"authlib": `deb_need python3-authlib && echo env PYTHONPATH="$DEB/usr/lib/python3/dist-packages" ` +
			`LD_LIBRARY_PATH="$DEB/usr/lib/x86_64-linux-gnu" /usr/bin/python3 ` + programs + `/authlib_verifier.py`,
	} {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", `. "$1" && `+script, "rotation-"+name, lib)
		cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
		out, err := cmd.Output()
		words := strings.Fields(string(out))
		if err != nil || len(words) == 0 || words[0] == "FAIL" {
			why := fmt.Sprintf("%s could not be installed: %v %s", name, err, out)
			if ci() {
				t.Fatal(why)
			}
			t.Log(why)
			continue
		}
		found[name] = foreignOf(words)
	}
	return found
}
