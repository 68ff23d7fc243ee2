package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/secret"
)

// tokenCommand is mintage token. Its verbs never take a token or a secret from
// the command line, where every process of the machine can read them.
func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Access tokens: get, inspect, verify, introspect, revoke, explain",
		Long: `Get access tokens, of any vendor, and look at them. A token is read from a file
or, with -, from standard input; what token get prints with -o json is read too.`,
		Example: `  mintage token get --url https://auth.example.com/oauth2/token --client-id mc_4fXGQZr1tPq9sW2e --secret-file secret
  mintage token get "Nightly export" --secret-file - | mintage token verify - --audience https://api.example
  mintage token revoke --client "Nightly export" --all --yes`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.outputFlags(cmd)
	cmd.AddCommand(
		a.tokenGetCommand(), a.tokenInspectCommand(), a.tokenVerifyCommand(),
		a.tokenIntrospectCommand(), a.tokenRevokeCommand(), a.tokenExplainCommand(),
	)
	return cmd
}

// maxTokenInput bounds what is read as a token, in bytes: an answer with one
// fits.
const maxTokenInput = 64 << 10

// readToken returns the token in a file, or on standard input for -. The file
// may also hold what token get prints with --header or -o json.
func (a *app) readToken(path string) (string, error) {
	if err := refuseLong(path, "token"); err != nil {
		return "", err
	}
	data, err := a.readInput(path, maxTokenInput)
	if err != nil {
		return "", &failure{code: exitUsage, what: "the token cannot be read", why: err.Error(), fix: "name a file, or - for standard input"}
	}
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "{") {
		var answer struct {
			AccessToken string `json:"access_token"`
		}
		if json.Unmarshal([]byte(text), &answer) == nil {
			text = answer.AccessToken
		}
	}
	if rest, ok := cutPrefixFold(text, "authorization:"); ok {
		text = strings.TrimSpace(rest)
	}
	if rest, ok := cutPrefixFold(text, "bearer "); ok {
		text = strings.TrimSpace(rest)
	}
	switch {
	case text == "":
		return "", usage("there is no token in it", "name a file that holds one, or - for standard input")
	case looksLikeSecret(text):
		return "", pastedSecret(text)
	}
	return text, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// looksLikeSecret reports whether s begins like the secrets that we make.
func looksLikeSecret(s string) bool {
	return strings.HasPrefix(s, "mint_live_") || strings.HasPrefix(s, "mint_test_")
}

// pastedSecret says that a client secret came where a token belongs, without
// showing it.
func pastedSecret(s string) error {
	where := "a tenant that is not protected"
	if strings.HasPrefix(s, "mint_live_") {
		where = "a protected tenant"
	}
	f := &failure{
		code: exitUsage, what: "this is a client secret of " + where + ", not a token",
		fix: "mintage token get with --secret-file; if others saw it: mintage client secret add, then mintage client secret revoke",
	}
	if hint := secret.Hint(s); hint != "" && secret.WellFormed(s) {
		f.why = "its hint is " + hint
	}
	return f
}

// refuseSensitive refuses an argument that is itself a token or a secret: the
// command line of a process is no secret.
func refuseSensitive(arg, what string) error {
	jwt := strings.HasPrefix(arg, "eyJ") && strings.Count(arg, ".") == 2
	if !jwt && !looksLikeSecret(arg) {
		return nil
	}
	return onCommandLine(what)
}

// refuseLong is refuseSensitive for the name of a file, where a long word that
// names none is an opaque token or a foreign secret.
func refuseLong(arg, what string) error {
	const shortest = 40
	if len(arg) >= shortest && !strings.ContainsAny(arg, `/\ :`) {
		if _, err := os.Stat(arg); err != nil {
			return onCommandLine(what)
		}
	}
	return refuseSensitive(arg, what)
}

func onCommandLine(what string) error {
	return &failure{
		code: exitUsage, what: fmt.Sprintf("a %s does not belong on the command line", what),
		why: "other users of the machine and the shell's history see it there; it should be replaced",
		fix: "give a file that holds it, or - for standard input",
	}
}
