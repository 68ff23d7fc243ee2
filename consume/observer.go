package consume

import "time"

// Trigger is why a token is fetched.
type Trigger string

// The triggers.
const (
	TriggerCaller   Trigger = "caller"   // somebody wants one and there is none
	TriggerAhead    Trigger = "ahead"    // the last one nears its end
	TriggerRejected Trigger = "rejected" // an API refused the last one
	TriggerForced   Trigger = "forced"   // Source.Force
)

// Fetch is what became of a call of the Fetcher.
type Fetch struct {
	Trigger  Trigger
	Duration time.Duration
	Expires  time.Time     // of the new token; zero where there is none
	Err      error         // nil where there is one
	RetryAt  time.Time     // when the next try is due; zero where there is a token
	Left     time.Duration // how long the old token is still good; zero where there is none
}

// Observer is told what a Source and its Transports do. Its methods are called
// from any goroutine, also at the same time, and must be quick; they must not
// call Source.Close, which waits for them. None is told a token or a secret. What is handed out without waiting is not told: see
// Status.Served.
type Observer interface {
	FetchStarted(Trigger)
	FetchEnded(Fetch)

	// Waited is told of each caller that had to wait for a token, for how long
	// and with which result.
	Waited(time.Duration, error)

	// Replayed is told of each request that was sent again with another token,
	// with the status of the second answer, or an error.
	Replayed(status int, err error)
}
