package chaos_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/mintage-auth/mintage/internal/jose"
)

// staleness is how long a write on one node may take until it is in force on
// another.
const staleness = 5 * time.Second

// event is one thing that was done, and when.
type event struct {
	register   string // what it is about
	node       int    // where
	write      bool
	value      string // what was written; of a read, what was asked about
	yes        bool   // of a read: the answer
	call, over int64  // nanoseconds since the history began; over is zero where nobody knows whether it was done
}

// history is what several workers did. It is safe for concurrent use.
type history struct {
	began time.Time

	mu     sync.Mutex
	events []event
}

// did runs do and notes it. What do returns is whether a read said yes; an error
// means that nothing is known.
func (h *history) did(e event, do func() (bool, error)) error {
	e.call = int64(time.Since(h.began))
	yes, err := do()
	e.yes, e.over = yes, int64(time.Since(h.began))
	if err != nil {
		if !e.write {
			return err // a read without an answer says nothing
		}
		e.over = 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	return err
}

// register is what all three kinds of them are: a value that writes set, and
// reads that ask whether it is a given one. A token is "active" until it is
// "revoked"; of a client the value is the secret that counts; what may be used
// once is "fresh" until it is "spent".
func registerModel(first string) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, output any) (bool, any) {
			in := input.(event)
			switch {
			case in.write && in.register[:5] == "once/": // the write is a read too: was it the first?
				return output == nil || output.(bool) == (state == first), "spent"
			case in.write:
				return true, in.value
			}
			return output.(bool) == (state == in.value), state
		},
		DescribeOperation: func(input, output any) string {
			in := input.(event)
			if in.write {
				return fmt.Sprintf("node %d writes %s: %v", in.node, in.value, output)
			}
			return fmt.Sprintf("node %d: %s? %v", in.node, in.value, output)
		},
	}
}

// seen returns the history of a register as a node may see it: its own writes at
// once, those of others within the staleness; any node: strictly.
func (h *history) seen(register string, node int) []porcupine.Operation {
	const anyNode = -1
	var list []porcupine.Operation
	for i, e := range h.events {
		if e.register != register || !e.write && node != anyNode && e.node != node {
			continue
		}
		op := porcupine.Operation{ClientId: i, Input: e, Output: e.yes, Call: e.call, Return: e.over}
		switch {
		case e.write && e.over == 0:
			op.Output, op.Return = nil, math.MaxInt64
		case e.write && node != anyNode && e.node != node:
			op.Return += int64(staleness)
		}
		list = append(list, op)
	}
	return list
}

// check looks at all registers and returns how many histories there were and
// how many are impossible.
func (h *history) check(t *testing.T, first map[string]string, nodes int) (histories, violations int) {
	t.Helper()
	for register, value := range first {
		views := []int{-1}
		if register[:5] != "once/" {
			views = views[:0]
			for n := range nodes {
				views = append(views, n)
			}
		}
		for _, node := range views {
			ops := h.seen(register, node)
			histories++
			switch porcupine.CheckOperationsTimeout(registerModel(value), ops, 20*time.Second) {
			case porcupine.Illegal:
				violations++
				t.Errorf("%s at node %d cannot have been:", register, node)
				for _, op := range ops {
					t.Logf("  %v to %v: %s", time.Duration(op.Call), time.Duration(op.Return), registerModel(value).DescribeOperation(op.Input, op.Output))
				}
			case porcupine.Unknown:
				t.Errorf("%s at node %d: not checked in time, %d operations", register, node, len(ops))
			case porcupine.Ok:
			}
		}
	}
	return histories, violations
}

// TestHistoryIsJudged shows that an impossible history is found.
func TestHistoryIsJudged(t *testing.T) {
	t.Parallel()
	second := int64(time.Second)
	revoked := event{register: "token/a", node: 0, write: true, value: "revoked", call: 0, over: second}
	for name, c := range map[string]struct {
		events   []event
		register string
		nodes    []int
		legal    bool
	}{
		"active after its own revocation":     {[]event{revoked, {register: "token/a", node: 0, value: "active", yes: true, call: 2 * second, over: 3 * second}}, "token/a", []int{0}, false},
		"active elsewhere for a moment":       {[]event{revoked, {register: "token/a", node: 1, value: "active", yes: true, call: 2 * second, over: 3 * second}}, "token/a", []int{1}, true},
		"active elsewhere for too long":       {[]event{revoked, {register: "token/a", node: 1, value: "active", yes: true, call: 7 * second, over: 8 * second}}, "token/a", []int{1}, false},
		"active again":                        {[]event{revoked, {register: "token/a", node: 1, value: "active", yes: false, call: 2 * second, over: 3 * second}, {register: "token/a", node: 1, value: "active", yes: true, call: 4 * second, over: 5 * second}}, "token/a", []int{1}, false},
		"used twice":                          {[]event{{register: "once/x", node: 0, write: true, yes: true, call: 0, over: second}, {register: "once/x", node: 1, write: true, yes: true, call: 0, over: second}}, "once/x", []int{-1}, false},
		"used once, and once nobody knows":    {[]event{{register: "once/x", node: 0, write: true, call: 0}, {register: "once/x", node: 1, write: true, yes: true, call: second, over: 2 * second}}, "once/x", []int{-1}, true},
		"refused, since nobody knows of one":  {[]event{{register: "once/x", node: 0, write: true, call: 0}, {register: "once/x", node: 1, write: true, yes: false, call: second, over: 2 * second}}, "once/x", []int{-1}, true},
		"refused, and nobody used it":         {[]event{{register: "once/x", node: 1, write: true, yes: false, call: second, over: 2 * second}}, "once/x", []int{-1}, false},
		"the old secret works after the next": {[]event{{register: "secret/c", node: 0, write: true, value: "2", call: 0, over: second}, {register: "secret/c", node: 0, value: "1", yes: true, call: 2 * second, over: 3 * second}}, "secret/c", []int{0}, false},
	} {
		first := map[string]string{"token/a": "active", "once/x": "fresh", "secret/c": "1"}[c.register]
		h := &history{events: c.events}
		for _, node := range c.nodes {
			if got := porcupine.CheckOperations(registerModel(first), h.seen(c.register, node)); got != c.legal {
				t.Errorf("%s: judged %v, want %v", name, got, c.legal)
			}
		}
	}
}

// proofSigner signs DPoP proofs (RFC 9449 §4.2).
func proofSigner(t *testing.T) *jose.Signer {
	t.Helper()
	key, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(key, jose.ES256, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// TestHistory is R41 of the fault plan: revocations, rotations and what may be
// used once, on two nodes over one PostgreSQL, while nodes and the database are
// killed and the ways between them are cut and held up. A linearizability checker
// finds no history that cannot have been: what is single-use is so over both
// nodes strictly; a node sees its own writes at once and those of the other
// within 5 s, and never takes back what it has seen.
func TestHistory(t *testing.T) {
	d := newDatabase(t)
	w := &world{t: t, database: d, history: &history{began: time.Now()}, first: map[string]string{}, signer: proofSigner(t)}
	c := &cluster{}
	for i := range 2 {
		s, l := newServer(t), newLink(t, d)
		s.env = []string{"MINTAGE_DATABASE_URL=" + l.url()}
		if i > 0 {
			s.data = c.nodes[0].data
		}
		if _, err := s.start(); err != nil {
			t.Fatal(err)
		}
		c.nodes, w.links = append(c.nodes, s), append(w.links, l)
	}
	c.front = c.nodes[0].public // whose issuer the tenant has
	all := c.callers(t)
	if err := prepare(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for _, node := range c.nodes {
		c.learn(t, all, node)
		at := c.asAdmin(t, all, node)
		at.http.Timeout = 15 * time.Second
		w.nodes = append(w.nodes, at)
	}
	w.cluster = c
	w.run()
	histories, violations := w.history.check(t, w.first, 2)
	reads, writes, unknown := 0, 0, 0
	for _, e := range w.history.events {
		switch {
		case !e.write:
			reads++
		case e.over == 0:
			unknown++
		default:
			writes++
		}
	}
	t.Logf("seed %d: %d reads, %d writes, %d writes of which nobody knows, %s; histories checked: %d, violations: %d",
		w.seed, reads, writes, unknown, w.faults, histories, violations)
	if writes == 0 || reads == 0 {
		t.Error("nothing was done")
	}
}
