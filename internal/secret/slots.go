package secret

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/limit"
)

// asker is who waits for a slot.
type asker struct {
	tenant, client string
	from           netip.Addr // zero: not known
	guess          bool       // waits until nobody else does
}

// slots bounds how many slow hashes run at once and how many wait, and says
// whose turn it is: clients take turns, and among those who ask for one client
// so do their addresses, so that nobody waits for more than one check of each
// other. Addresses that a wrong secret came from, and checks that nobody's answer
// waits for, wait until nobody else does, and get a bounded share of one core.
type slots struct {
	queue    int           // how many may wait
	patience time.Duration // how long one waits

	mu      sync.Mutex
	free    int
	waiting int
	turn    uint64
	good    class
	guesses class

	guessing   bool      // a slot is taken by an address that guessed wrong
	guessAgain time.Time // when the next of those may begin
	wake       *time.Timer
	wrong      map[netip.Addr]time.Time // when a wrong secret last came from an address
}

// A slow hash takes about 25 ms: a queue of 64 drains within the patience of
// two seconds, and longer ones would only make everybody time out.
const (
	queuePerSlot = 64
	patience     = 2 * time.Second

	// guessRest is how many times as long as a guess took no other begins: a
	// quarter of a core is left to guessing.
	guessRest = 3
	// suspicion is how long an address waits behind the others after a wrong
	// secret, and suspects how many addresses are kept in mind.
	suspicion = time.Minute
	suspects  = 4096
)

func newSlots(n int) *slots {
	return &slots{
		queue: n * queuePerSlot, patience: patience, free: n,
		good: class{}, guesses: class{}, wrong: map[netip.Addr]time.Time{},
	}
}

// class is who waits, by client. Of two, the one with the lower turn is first.
type class map[[2]string]*contender

// contender are those who wait for checks of one client, by address.
type contender struct {
	turn  uint64
	lines map[netip.Addr]*line
}

type line struct {
	turn    uint64
	waiters []*waiter // in the order in which they came
}

// waiter is told once: nil for a slot, else an error.
type waiter struct {
	asker
	told chan error
}

// slot is one that was taken.
type slot struct {
	asker
	since time.Time
}

// take waits for a slot. The error wraps ErrBusy.
func (s *slots) take(ctx context.Context, who asker) (*slot, error) {
	who.from = limit.Network(who.from)
	s.mu.Lock()
	who.guess = s.suspect(who.from) || who.guess
	if !who.guess && s.free > 0 && s.waiting == 0 {
		s.free--
		s.mu.Unlock()
		return &slot{asker: who, since: time.Now()}, nil
	}
	w := &waiter{asker: who, told: make(chan error, 1)}
	if !s.enqueue(w) {
		s.mu.Unlock()
		return nil, ErrBusy
	}
	s.dispatch()
	s.mu.Unlock()

	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	var why error
	select {
	case err := <-w.told:
		return &slot{asker: w.asker, since: time.Now()}, err
	case <-timer.C:
		why = ErrBusy
	case <-ctx.Done():
		why = fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leave(w) {
		return nil, why
	}
	err := <-w.told // just now
	return &slot{asker: w.asker, since: time.Now()}, err
}

// release gives a slot back.
func (s *slots) release(t *slot) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if t.guess {
		s.guessing, s.guessAgain = false, now.Add(guessRest*now.Sub(t.since))
	}
	s.dispatch()
}

// judge notes whether a secret that came from an address, and took a slow hash,
// was wrong.
func (s *slots) judge(from netip.Addr, wrong bool) { //nolint:revive // the verdict
	if !from.IsValid() {
		return
	}
	from = limit.Network(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !wrong {
		delete(s.wrong, from)
		return
	}
	if len(s.wrong) >= suspects {
		for other := range s.wrong {
			delete(s.wrong, other)
			break
		}
	}
	s.wrong[from] = time.Now()
	s.demote(from)
}

// demote lets those who wait from an address that guessed wrong wait behind the
// others: what came before the first verdict would run one after another
// otherwise, and keep a core busy for as long as the queue is.
func (s *slots) demote(from netip.Addr) {
	for key, who := range s.good {
		l := who.lines[from]
		if l == nil {
			continue
		}
		delete(who.lines, from)
		if len(who.lines) == 0 {
			delete(s.good, key)
		}
		for _, w := range l.waiters {
			w.guess = true
			s.guesses.add(w, &s.turn)
		}
	}
}

// suspect reports whether a wrong secret came from an address of late.
func (s *slots) suspect(from netip.Addr) bool {
	at, ok := s.wrong[from]
	if ok && time.Since(at) > suspicion {
		delete(s.wrong, from)
		return false
	}
	return ok
}

// dispatch gives free slots to those whose turn it is.
func (s *slots) dispatch() {
	for s.free > 0 {
		if w := s.good.first(&s.turn); w != nil {
			s.grant(w)
			continue
		}
		if s.guessing || len(s.guesses) == 0 {
			return
		}
		if rest := time.Until(s.guessAgain); rest > 0 {
			s.wakeIn(rest)
			return
		}
		s.guessing = true
		s.grant(s.guesses.first(&s.turn))
	}
}

func (s *slots) grant(w *waiter) {
	s.free--
	s.waiting--
	w.told <- nil
}

// wakeIn has dispatch look again when the next guess may begin.
func (s *slots) wakeIn(rest time.Duration) {
	if s.wake != nil {
		s.wake.Stop()
	}
	s.wake = time.AfterFunc(rest, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dispatch()
	})
}

func (s *slots) in(w *waiter) class {
	if w.guess {
		return s.guesses
	}
	return s.good
}

// enqueue lets w wait and reports whether there was room. When there is none,
// the last of the longest line goes, guesses before others, unless w's own line
// would become as long.
func (s *slots) enqueue(w *waiter) bool {
	in := s.in(w)
	if s.waiting >= s.queue {
		last := s.guesses.longest()
		if last == nil || w.guess && len(last.waiters) <= in.length(w.asker)+1 {
			last = s.good.longest()
			if w.guess || last == nil || len(last.waiters) <= in.length(w.asker)+1 {
				return false
			}
		}
		out := last.waiters[len(last.waiters)-1]
		s.leave(out)
		out.told <- ErrBusy
	}
	s.waiting++
	in.add(w, &s.turn)
	return true
}

// leave takes w out of its line, and reports whether it was in it.
func (s *slots) leave(w *waiter) bool {
	if !s.in(w).remove(w) {
		return false
	}
	s.waiting--
	return true
}

func (w *waiter) key() [2]string { return [2]string{w.tenant, w.client} }

func (c class) add(w *waiter, turn *uint64) {
	*turn++
	who := c[w.key()]
	if who == nil {
		who = &contender{turn: *turn, lines: map[netip.Addr]*line{}}
		c[w.key()] = who
	}
	l := who.lines[w.from]
	if l == nil {
		l = &line{turn: *turn}
		who.lines[w.from] = l
	}
	l.waiters = append(l.waiters, w)
}

// first takes out the waiter whose turn it is; nil: nobody waits. Its client
// and its line go to the end.
func (c class) first(turn *uint64) *waiter {
	var who *contender
	for _, other := range c {
		if who == nil || other.turn < who.turn {
			who = other
		}
	}
	if who == nil {
		return nil
	}
	var l *line
	for _, other := range who.lines {
		if l == nil || other.turn < l.turn {
			l = other
		}
	}
	*turn++
	who.turn, l.turn = *turn, *turn
	w := l.waiters[0]
	c.remove(w)
	return w
}

func (c class) remove(w *waiter) bool {
	who := c[w.key()]
	if who == nil || who.lines[w.from] == nil {
		return false
	}
	l := who.lines[w.from]
	for i, other := range l.waiters {
		if other != w {
			continue
		}
		l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
		if len(l.waiters) == 0 {
			delete(who.lines, w.from)
		}
		if len(who.lines) == 0 {
			delete(c, w.key())
		}
		return true
	}
	return false
}

func (c class) longest() *line {
	var most *line
	for _, who := range c {
		for _, l := range who.lines {
			if most == nil || len(l.waiters) > len(most.waiters) {
				most = l
			}
		}
	}
	return most
}

// length is how many wait in the line of a.
func (c class) length(a asker) int {
	who := c[[2]string{a.tenant, a.client}]
	if who == nil || who.lines[a.from] == nil {
		return 0
	}
	return len(who.lines[a.from].waiters)
}
