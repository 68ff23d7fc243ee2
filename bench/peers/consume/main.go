// Command consume measures package consume beside golang.org/x/oauth2 and the
// AWS SDK's cache of credentials:
//
//	cd bench/peers/consume && go run . -o ../../results/consume.md
//
// It is a module of its own, so that the product does not depend on what it is
// compared with. failing.go has the experiment with an issuer that fails,
// warm.go what handing out a kept token costs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/mintage-auth/mintage/consume"
)

// library is one that keeps a token. Open returns what gets it from a token
// endpoint; its function is called by any number of goroutines.
type library struct {
	name string
	open func(tokenURL string) func(context.Context) error
}

func libraries() []library {
	return []library{
		{"consume.Source", func(tokenURL string) func(context.Context) error {
			src := &consume.Source{Fetcher: &consume.ClientCredentials{
				TokenURL: tokenURL, ClientID: "bench", Secret: consume.SecretValue("bench"), HTTPClient: client(),
			}}
			return func(ctx context.Context) error {
				_, err := src.Token(ctx)
				return err
			}
		}},
		{"golang.org/x/oauth2 v0.37.0", func(tokenURL string) func(context.Context) error {
			// As its documentation has it; Token takes no context.
			config := clientcredentials.Config{TokenURL: tokenURL, ClientID: "bench", ClientSecret: "bench"}
			src := config.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client()))
			return func(context.Context) error {
				_, err := src.Token()
				return err
			}
		}},
		{"AWS CredentialsCache v1.47.6", func(tokenURL string) func(context.Context) error {
			// Its cache around our request for a token: it has none of its own.
			cc := &consume.ClientCredentials{TokenURL: tokenURL, ClientID: "bench", Secret: consume.SecretValue("bench"), HTTPClient: client()}
			cache := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
				tok, err := cc.Token(ctx)
				if err != nil {
					return aws.Credentials{}, err
				}
				return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: tok.Value, CanExpire: true, Expires: tok.Expires}, nil
			}))
			return func(ctx context.Context) error {
				_, err := cache.Retrieve(ctx)
				return err
			}
		}},
	}
}

func main() {
	out := flag.String("o", "", "file that the report is also written to")
	note := flag.String("note", "", "a line for the report, such as what else runs on the machine")
	flag.Parse()
	var b strings.Builder
	fmt.Fprintf(&b, "# Figures of package consume, %s\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&b, "Commit %s, %s, %s/%s, %d cores, load average %s. `make bench` makes this page.\n\n",
		commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load())
	if *note != "" {
		fmt.Fprintf(&b, "%s\n\n", *note)
	}
	b.WriteString(failing())
	b.WriteString(warm())
	fmt.Print(b.String())
	if *out != "" {
		if err := os.WriteFile(*out, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a report for everybody
			fmt.Fprintln(os.Stderr, "consume:", err)
			os.Exit(1)
		}
	}
}

// commit says what was measured.
func commit() string {
	id, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changed, err := exec.Command("git", "status", "--porcelain", "../../../consume").Output()
	if err != nil || len(changed) > 0 {
		return strings.TrimSpace(string(id)) + " with changes"
	}
	return strings.TrimSpace(string(id))
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
