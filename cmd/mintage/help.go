package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/explain"
)

// helpTopics are the pages of mintage help that are about no single command.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "environment", Short: "Environment variables", Long: helpEnvironment},
		{Use: "exit-codes", Short: "What the exit code says", Long: helpExitCodes()},
		{Use: "formatting", Short: "Forms of output", Long: helpFormatting},
		errorsTopic(),
		{Use: "dialects", Short: "Dialects of the token endpoint", Long: helpDialects()},
	}
}

// help prints what a command does, leading with its examples.
func help(cmd *cobra.Command, _ []string) {
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, cmp.Or(cmd.Long, cmd.Short))
	if !cmd.Runnable() && !cmd.HasAvailableSubCommands() {
		return // a topic
	}
	example := cmd.Example
	if example != "" {
		fmt.Fprintf(out, "\nExamples:\n%s\n", example)
	}
	cmd.Example = "" // or the usage would have them again
	fmt.Fprint(out, "\n"+cmd.UsageString())
	cmd.Example = example
}

const helpEnvironment = `MINTAGE_CREDENTIALS_FILE   credentials of an administrator; the admin.json that the server wrote works as it is
MINTAGE_URL                URL of the admin listener; left out: the one in the credentials file, else the profile's
MINTAGE_PROFILE            the profile of mintage login; left out: the one signed in to last
MINTAGE_TOKEN              an access token for the admin API, instead of credentials
MINTAGE_TOKEN_FILE         a file that holds one
MINTAGE_TENANT             the tenant that commands are about
MINTAGE_CLIENT_ID          the client for mintage token get
MINTAGE_CLIENT_SECRET      its secret, for mintage token get
MINTAGE_CLIENT_SECRET_FILE a file that holds it
MINTAGE_NO_INPUT           when set, no command asks a question
MINTAGE_DEBUG=http         commands say on standard error which requests they make
MINTAGE_CONFIG             the settings file of mintage serve

The server's settings are MINTAGE_ and the upper-case path of the setting, such as
MINTAGE_ADMIN_LISTEN; a flag beats the environment, which beats server.yaml.`

const helpFormatting = `-o table   aligned columns; the default at a terminal
           without a terminal: the same cells, separated by tabs, without titles
-o json    the admin API's document; an empty list is []
-o yaml    the same document as YAML
-o name    identifiers, one a line
-o env     NAME=value lines, where a command prints credentials
--jq E     what the jq expression E makes of the document
--template T   what the Go template T makes of it

Data goes to standard output; messages, questions and errors go to standard error.`

// exitCodes says what each code means.
func exitCodes() [][2]string {
	return [][2]string{
		{fmt.Sprint(exitOK), "done"},
		{fmt.Sprint(exitFailed), "failed"},
		{fmt.Sprint(exitUsage), "wrong usage, or a configuration that is not valid"},
		{fmt.Sprint(exitDifferent), "differences were found (`mintage diff --exit-code`)"},
		{fmt.Sprint(exitDenied), "not allowed, or the credentials were not accepted"},
		{fmt.Sprint(exitNotFound), "not found, or the name fits several"},
		{fmt.Sprint(exitConflict), "conflict: the object changed meanwhile, or is there already"},
		{fmt.Sprint(exitUnreachable), "the server cannot be reached, or did not answer in time"},
		{fmt.Sprint(exitNo), "the check said no: the token is not valid"},
		{fmt.Sprint(exitInterrupted), "interrupted"},
	}
}

func helpExitCodes() string {
	var b strings.Builder
	for _, row := range exitCodes() {
		fmt.Fprintf(&b, "%4s  %s\n", row[0], row[1])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// errorsTopic is mintage help errors, and mintage help errors CODE.
func errorsTopic() *cobra.Command {
	topic := &cobra.Command{Use: "errors", Short: "Reason codes: what each means and what to do", Long: helpErrors()}
	for _, r := range explain.Reasons() {
		topic.AddCommand(&cobra.Command{
			Use: r.Code, Short: r.Cause, Hidden: true,
			Long: strings.TrimSpace(r.Code+"\n\n"+r.Cause+"\n"+r.Cure) + "\n\nSee /docs/errors/reasons/" + r.Code + " at the server.",
		})
	}
	return topic
}

func helpErrors() string {
	var b strings.Builder
	b.WriteString("Reason codes say why a request was refused. Log lines, metrics and the admin API carry them.\n")
	for _, r := range explain.Reasons() {
		fmt.Fprintf(&b, "\n%s\n    %s\n", r.Code, r.Cause)
		if r.Cure != "" {
			fmt.Fprintf(&b, "    %s\n", r.Cure)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func helpDialects() string {
	var b strings.Builder
	b.WriteString("A tenant's token_paths say which dialect each of its token endpoints speaks.\n")
	for _, d := range dialects() {
		fmt.Fprintf(&b, "\n%s\n    usually at %s; reads %s; credentials in %s\n    answers a %s token, good for %s\n",
			d.Name, d.Path, d.Body, d.Credentials, strings.TrimSpace(d.Format+" "+d.Alg), seconds(d.Lifetime))
	}
	return strings.TrimSuffix(b.String(), "\n")
}
