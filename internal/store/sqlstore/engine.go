package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/mintage-auth/mintage"
)

// engine is everything that differs between the databases.
type engine struct {
	name    string
	dialect goose.Dialect
	// ddl replaces the words in braces in the migrations.
	ddl *strings.Replacer
	// labels is the table of the labels of a row of clients, which its settings
	// carry: key and value.
	labels string
	// minting is what the settings of a row of clients say of its tokens.
	minting string
	// writers is how many write transactions run at the same time.
	writers int
	// begin is the statement that a write begins with which must not run beside
	// another, on whatever node; empty where no two writes ever do.
	begin string
	// notify is the statement that tells other nodes of a change once it is
	// committed; empty where there is no such means.
	notify string
	// view says how reads that belong together are isolated.
	view *sql.TxOptions
	// patience is how long a call goes on while the database cannot be reached.
	patience time.Duration
	// giveUp ends what waits for the database; nil where nothing waits for long.
	giveUp func()
	// locker keeps two processes from migrating at once; nil where the engine's
	// own locks do.
	locker func() (lock.Locker, error)
	// fault classifies an error of the driver.
	fault func(error) fault
	// statement returns the context under which a statement runs that belongs
	// to a call with ctx.
	statement func(ctx context.Context) context.Context
}

// fault is what an error of the driver means.
type fault int

const (
	faultOther     fault = iota
	faultExists          // a unique key is taken
	faultReference       // a foreign key points nowhere, or something points here
	faultRow             // the row cannot be stored, whatever else happens
	faultBusy            // the same transaction may succeed when run again
	faultLost            // the database cannot be reached; what did not begin to commit is not there
	faultTrouble         // the database cannot do it now, for want of disk, memory or the like
)

// errReference says that a row refers to one that is missing, or that another
// row refers to it.
var errReference = errors.New("reference")

// translate turns a driver's error into those that callers know. What the
// driver says of a constraint is dropped: it names columns, not the caller's
// objects.
func (e *engine) translate(err error) error {
	switch e.fault(err) {
	case faultExists:
		return mintage.ErrExists
	case faultReference:
		return errReference
	case faultOther, faultRow, faultBusy, faultLost, faultTrouble:
	}
	return err
}

// missingParent turns errReference of an insert or update into ErrNotFound.
func missingParent(err error, what string) error {
	if errors.Is(err, errReference) {
		return fmt.Errorf("%s that it names: %w", what, mintage.ErrNotFound)
	}
	return err
}

// errInUse is what deleting an object fails with that others need.
var errInUse = fmt.Errorf("in use: %w", mintage.ErrConflict)

// stillUsed turns errReference of a deletion into errInUse.
func stillUsed(err error) error {
	if errors.Is(err, errReference) {
		return errInUse
	}
	return err
}
