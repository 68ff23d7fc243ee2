package main

import (
	"context"
	"crypto/rand"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
)

func (a *app) hashCommand() *cobra.Command {
	var file, writeEnv string
	var generate, live bool
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Make the hash of a secret for tenants.yaml, so that no file holds the secret",
		Long: `Make the argon2id hash of a secret, for the hash of a client's secret in
tenants.yaml. The secret comes from a file or from standard input, never from the
command line. With --generate it is made here, and shown once or written to a file.`,
		Example: `  mintage hash < secret.txt > secrets/export.hash
  mintage hash --secret-file secret.txt
  mintage hash --generate --write-env export.env > secrets/export.hash`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if generate {
				if file != "" {
					return usage("the secret is generated or read", "--generate or --secret-file")
				}
				return a.hashGenerated(cmd.Context(), writeEnv, live)
			}
			if writeEnv != "" || live {
				return usage("--write-env and --live are for a secret that is generated", "--generate")
			}
			if file == "" {
				file = "-"
			}
			return a.hashGiven(cmd.Context(), file)
		},
	}
	cmd.Flags().StringVar(&file, "secret-file", "", "file with the secret; left out or -: standard input")
	cmd.Flags().BoolVar(&generate, "generate", false, "make the secret too")
	cmd.Flags().BoolVar(&live, "live", false, "let the generated secret say live, as those of protected tenants do")
	cmd.Flags().StringVar(&writeEnv, "write-env", "", "write the generated secret to this new file (mode 0600) instead of printing it")
	a.outputFlags(cmd)
	return cmd
}

// hashedSecret is what hash prints.
type hashedSecret struct {
	Hash         string `json:"hash"`
	ClientSecret string `json:"client_secret,omitempty"`
}

func (a *app) hashGiven(ctx context.Context, file string) error {
	plain, err := a.readSecret(file)
	if err != nil {
		return err
	}
	if err := mintage.ValidateSecret(plain); err != nil {
		return usage("the secret cannot be used: "+err.Error(), "printable ASCII on one line, at most 512 characters")
	}
	hash, err := hashSecret(ctx, plain)
	if err != nil {
		return err
	}
	return a.print(result{doc: hashedSecret{Hash: hash}, rows: [][]string{{hash}}, name: []string{hash}})
}

func (a *app) hashGenerated(ctx context.Context, writeEnv string, live bool) error {
	out, err := newEnvFile(writeEnv)
	if err != nil {
		return err
	}
	defer out.discard()
	plain := secret.Generate(live)
	hash, err := hashSecret(ctx, plain)
	if err != nil {
		return err
	}
	if out == nil {
		return a.printOnce(result{
			doc: hashedSecret{Hash: hash, ClientSecret: plain}, name: []string{hash},
			rows: [][]string{{"client secret", plain}, {"hash", hash}}, note: "The secret is shown once.",
		})
	}
	if err := out.commit([][2]string{{"MINTAGE_CLIENT_SECRET", plain}}); err != nil {
		return err
	}
	return a.print(result{doc: hashedSecret{Hash: hash}, rows: [][]string{{hash}}, name: []string{hash}, note: "wrote " + out.path})
}

// hashSecret makes a hash that any server takes: it depends on no pepper.
func hashSecret(ctx context.Context, plain string) (string, error) {
	pepper := make([]byte, secret.PepperSize)
	rand.Read(pepper)
	return secret.New(pepper).HashBrought(ctx, plain)
}
