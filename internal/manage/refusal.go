package manage

import (
	"errors"

	"github.com/mintage-auth/mintage"
)

// Refusal is a change that a rule forbids although nothing in the input is
// malformed, such as taking a client's last secret away.
type Refusal struct {
	Reason  string // stable reason code, such as secret.last
	Message string // one sentence for who asked; it repeats no secret
	Denied  bool   // whether somebody with more rights could do it
	// Members are those of the input that it is about, each with who is in the
	// way; empty: all of it.
	Members []*mintage.FieldError
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

func builtIn(what string) error {
	return &Refusal{Reason: "object.built_in", Message: what + " came with the server and cannot be changed"}
}

func inUse(message string) error {
	return &Refusal{Reason: "object.in_use", Message: message}
}

// refuseInUse says in the store's stead what still needs an object.
func refuseInUse(err error, message string) error {
	if errors.Is(err, mintage.ErrConflict) {
		return inUse(message)
	}
	return err
}
