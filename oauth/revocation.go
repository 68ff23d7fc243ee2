package oauth

// Revocations is what the revocation feed answers: a JSON document, or the data
// of one event of the stream. No RFC has it; docs/reference/revocation-feed.md
// describes it.
type Revocations struct {
	// Complete says that Items are all that are in force, and that what was
	// known before is to be forgotten. Otherwise they are to be added to it.
	Complete bool         `json:"complete"`
	Items    []Revocation `json:"items"`
	// Cursor stands for the state after Items; empty only in an empty value.
	Cursor string `json:"cursor"`
}

// Revocation ends tokens before their time: the one with this ID, or those of
// this client, or those that this key signed. Exactly one of the three is set.
type Revocation struct {
	ID       string `json:"jti,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// BeforeMilli ends the tokens of the client that were made up to this
	// instant, in milliseconds since 1970; zero: all of them.
	BeforeMilli int64  `json:"before_ms,omitempty"`
	KeyID       string `json:"kid,omitempty"`
	// Expires is when the revocation may be forgotten, in seconds since 1970,
	// for no token that it ends is alive then; zero: never.
	Expires int64 `json:"exp,omitempty"`
}
