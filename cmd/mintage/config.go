package main

import (
	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/config"
)

// configCommand is mintage config: the settings of mintage serve, without a
// server.
func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Settings of mintage serve: show",
		Example: "  mintage config show --config server.yaml --origin",
		Args:    nounArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.outputFlags(cmd)
	cmd.AddCommand(a.configShowCommand())
	return cmd
}

func (a *app) configShowCommand() *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show each setting as mintage serve would take it",
		Long: `Read the settings as mintage serve would, from flags, MINTAGE_ variables and the
file, and show what comes of it, or all that is wrong. Settings name the files of
secrets and never hold one.`,
		Example: `  mintage config show --config server.yaml
  mintage config show --config server.yaml --origin -o json`,
		Args: cobra.NoArgs,
	}
	sources := a.settingFlags(cmd)
	cmd.Flags().BoolVar(&origin, "origin", false, "show where each value comes from: flag, variable, line of the file, default")
	cmd.RunE = func(*cobra.Command, []string) error {
		settings, err := config.Load(sources())
		if err != nil {
			return &failure{code: exitUsage, what: "the settings are not valid", why: err.Error(), fix: "mintage serve --help"}
		}
		all := settings.Origins()
		if origin {
			return a.print(withOrigins(all))
		}
		return a.print(withoutOrigins(all))
	}
	return cmd
}

// setting is how a setting is shown.
type setting struct {
	Name  string `json:"setting"`
	Value string `json:"value"`
	From  string `json:"from,omitempty"`
}

func withOrigins(all []config.Origin) result {
	r := result{head: []string{"SETTING", "VALUE", "FROM"}}
	docs := make([]setting, len(all))
	for i, o := range all {
		docs[i] = setting{Name: o.Path, Value: o.Value, From: o.From}
		r.rows, r.name = append(r.rows, []string{o.Path, o.Value, o.From}), append(r.name, o.Path)
	}
	r.doc = docs
	return r
}

func withoutOrigins(all []config.Origin) result {
	r := result{head: []string{"SETTING", "VALUE"}}
	docs := make([]setting, len(all))
	for i, o := range all {
		docs[i] = setting{Name: o.Path, Value: o.Value}
		r.rows, r.name = append(r.rows, []string{o.Path, o.Value}), append(r.name, o.Path)
	}
	r.doc = docs
	return r
}
