package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
)

// CredentialsPath returns where the administrator's credentials are in a data
// directory.
func CredentialsPath(data string) string { return filepath.Join(data, credentialsFile) }

// RecoverAdministrator makes a client that may administer everything and puts
// its credentials into admin.json of the data directory, in the place of what
// is there. A server may be running; it knows the client at once. Data, Database
// and MasterKeyFile of cfg are read, and Now if it is set.
func RecoverAdministrator(ctx context.Context, cfg Config) (made Credentials, err error) {
	err = cfg.offline(ctx, func(m *manage.Manager) error {
		return m.RecoverAdministrator(ctx, func(url string, c *manage.Credentials) error {
			made = Credentials{URL: url, ClientID: c.Client.ID, Secret: c.Secret}
			return writePrivateJSON(CredentialsPath(cfg.Data), made)
		})
	})
	if errors.Is(err, mintage.ErrNotFound) {
		err = fmt.Errorf("the server was never started: its first start makes the administrator: %w", err)
	}
	return made, err
}

// RecoverOperator makes a one-time link by which the operator with that address
// gets other credentials, or somebody becomes an owner when there is none with
// it, and returns its URL. The console is where cfg.ConsoleURL says, else on its
// own listener, by https if secure, else below the admin URL.
func RecoverOperator(ctx context.Context, cfg Config, secure bool, email string) (at string, err error) {
	err = cfg.offline(ctx, func(m *manage.Manager) error {
		t, err := m.Tenant(ctx, mintage.BuiltInTenant)
		if err != nil {
			return fmt.Errorf("the server was never started: %w", err)
		}
		var l *manage.Link
		switch o, lookup := m.Store.OperatorByEmail(ctx, mintage.NormalEmail(email)); {
		case lookup == nil:
			l, err = m.RecoverOperator(ctx, manage.Server(), o.ID)
		case errors.Is(lookup, mintage.ErrNotFound):
			l, err = m.Invite(ctx, manage.Server(), mintage.Invitation{Email: email, Role: mintage.RoleOwner})
		default:
			return lookup
		}
		if err == nil {
			base := cmp.Or(cfg.ConsoleURL, t.Issuer)
			if cfg.ConsoleURL == "" && cfg.ConsoleListen != "" {
				base = ListenURL(cfg.ConsoleListen, secure)
			}
			at = people.LinkURL(strings.TrimSuffix(base, "/")+console.Prefix, l)
		}
		return err
	})
	return at, err
}

// offline opens the database of a server, which may be running, for a use case
// that root of its machine needs.
func (cfg *Config) offline(ctx context.Context, do func(*manage.Manager) error) (err error) {
	st, err := cfg.existingDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	vault, err := keys.OpenVault(ctx, cfg.vault(st, false))
	if err != nil {
		return err
	}
	pepper, err := vault.Value(ctx, pepperName, secret.PepperSize)
	if err != nil {
		return err
	}
	return do(&manage.Manager{
		Store: st, Vault: vault, Secrets: secret.New(pepper), Now: cfg.Now, Log: slog.New(slog.DiscardHandler),
		Sync: func(context.Context) error { return nil }, // there is no cache here
	})
}

// missCredentials warns where the administrator's credentials are gone.
func (s *Server) missCredentials(ctx context.Context) {
	path := CredentialsPath(s.cfg.Data)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the administrator's credentials are not in the data directory",
			slog.String("file", path), slog.String("fix", "if nobody keeps them elsewhere: mintage admin-credentials new --data "+s.cfg.Data))
	}
}
