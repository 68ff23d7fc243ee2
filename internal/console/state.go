package console

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
)

// ServerState is how the server runs and how it is, as far as pages show it.
type ServerState struct {
	// Backups says that mintage backup is what backs this server up, and
	// LastBackup when it did so last; zero: it is not known to have.
	Backups    bool
	LastBackup time.Time
	Database   string // what the data is in, for people

	KeepRequests      time.Duration // of the request log; zero: seven days
	RefusedOnly       bool          // whether the log leaves out what was issued as asked
	RequestsPerMinute int           // with credentials, from one address; zero: any number
	KeyPeriod         time.Duration // of tenants that set none; zero: the built-in one

	Ready  bool
	Checks []Check // what the server looked at to say so
}

// Check is one thing that a server looks at to say whether it is ready.
type Check struct{ Name, Said string }

// backupLate is how old the last backup may be before somebody is told: the
// alert of deploy/monitoring waits as long.
const backupLate = 26 * time.Hour

// state asks how the server is. Without anybody to ask, it is well.
func (c *console) state(ctx context.Context) *ServerState {
	s := ServerState{Ready: true}
	if c.cfg.State != nil {
		s = c.cfg.State(ctx)
	}
	if s.KeepRequests == 0 {
		s.KeepRequests = 7 * day
	}
	if s.KeyPeriod == 0 {
		s.KeyPeriod = mintage.DefaultKeyPeriod
	}
	return &s
}

// keeps says how long the request log is kept.
func (s *ServerState) keeps() string { return "for " + span(s.KeepRequests) }

// BackupKind is how the age of the last backup looks.
func (s *ServerState) BackupKind(now time.Time) string {
	if s.LastBackup.IsZero() || now.Sub(s.LastBackup) > backupLate {
		return "warn"
	}
	return "good"
}
