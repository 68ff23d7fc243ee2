package hostile

import (
	"sync"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// answerTime is how long after a refusal no other token of the same client and
// scope is refused: what the client has already, or has asked for meanwhile, may
// be what it answers the refusal with.
const answerTime = 5 * time.Second

// minted is a token that the issuer gave out.
type minted struct {
	tenant, client, scope, jti string
	at, expires                time.Time
}

// fates decides which good tokens are refused. The zero value refuses none.
type fates struct {
	mu     sync.Mutex
	wheel  wheel
	tokens map[string]*fate
	askers map[asker]*asked
	swept  time.Time
	told   int // tokens that were refused
}

// asker is whoever gets tokens for one purpose.
type asker struct{ tenant, client, scope string }

// asked is what an asker went through.
type asked struct {
	owed int       // refused tokens that it has not asked for another for
	last time.Time // when one was refused for the first time
}

// fate is what becomes of one token.
type fate struct {
	asker   asker
	refused bool
	from    time.Time // when it is refused, with refused
	told    bool      // it was refused once
	expires time.Time
}

// mint notes a token. One that was asked for in answer to a refusal is never
// refused; of all others so many in a hundred are, from after on.
func (f *fates) mint(m minted, percent int, after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweep(m.at)
	ft := f.add(m)
	if a := f.askers[ft.asker]; a != nil && a.owed > 0 {
		a.owed--
		return
	}
	if f.wheel.turn(percent) {
		ft.refused, ft.from = true, m.at.Add(after)
	}
}

func (f *fates) add(m minted) *fate {
	if f.tokens == nil {
		f.tokens, f.askers = map[string]*fate{}, map[asker]*asked{}
	}
	ft := &fate{asker: asker{m.tenant, m.client, m.scope}, expires: m.expires}
	f.tokens[m.jti] = ft
	return ft
}

// refuses reports whether a token is refused when it is shown at now.
func (f *fates) refuses(jti string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	ft := f.tokens[jti]
	switch {
	case ft == nil || !ft.refused || now.Before(ft.from):
		return false
	case ft.told:
		return true
	}
	a := f.asked(ft.asker)
	if !a.last.IsZero() && now.Sub(a.last) < answerTime {
		ft.refused = false
		return false
	}
	f.tell(ft, a, now)
	return true
}

// end refuses a token from now on, whatever its fate was.
func (f *fates) end(t oauth.Introspection, tenant string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ft := f.tokens[t.ID]
	if ft == nil {
		ft = f.add(minted{
			tenant: tenant, client: t.ClientID, scope: t.Scope.String(), jti: t.ID, expires: time.Unix(t.Expires, 0),
		})
	}
	if !ft.told {
		ft.refused, ft.from = true, now
		f.tell(ft, f.asked(ft.asker), now)
	}
}

func (f *fates) asked(who asker) *asked {
	a := f.askers[who]
	if a == nil {
		a = &asked{}
		f.askers[who] = a
	}
	return a
}

func (f *fates) tell(ft *fate, a *asked, now time.Time) {
	ft.told = true
	f.told++
	a.owed++
	a.last = now
}

// refusedTokens returns how many tokens were refused so far.
func (f *fates) refusedTokens() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told
}

// restart makes the next token one that is refused, if any is.
func (f *fates) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wheel = wheel{}
}

// sweep forgets tokens that have ended, now and then.
func (f *fates) sweep(now time.Time) {
	if now.Sub(f.swept) < time.Minute {
		return
	}
	f.swept = now
	for jti, ft := range f.tokens {
		if ft.expires.Before(now) {
			delete(f.tokens, jti)
		}
	}
}

// wheel spreads a percentage evenly: of any hundred turns so many hit.
type wheel struct {
	at    int
	begun bool
}

// turn reports whether this turn hits; the first one does, unless percent is
// zero.
func (w *wheel) turn(percent int) bool {
	if percent <= 0 {
		w.begun = false
		return false
	}
	if !w.begun {
		w.begun, w.at = true, 100-percent
	}
	w.at += percent
	if w.at < 100 {
		return false
	}
	w.at -= 100
	return true
}
