package mintage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
)

func auditRow(seq int64) *mintage.Event {
	return &mintage.Event{
		Seq: seq, Time: time.Unix(1_800_000_000, 0), Tenant: "hotel",
		Actor:  mintage.Actor{Tenant: "mintage", ClientID: "mc_admin", OperatorID: "op_1", OperatorEmail: "ada@example.com", Address: "192.0.2.1"},
		Action: "client.update", Target: "desk", Name: "Désk", Via: "cli", TraceID: "req_1", Before: []byte(`{"a":1}`), After: []byte(`{"a":2}`),
	}
}

// The text that is hashed is written down here by hand: it must never change.
func TestLink(t *testing.T) {
	t.Parallel()
	var zero [sha256.Size]byte
	for name, tt := range map[string]struct {
		e    *mintage.Event
		text string
	}{
		"the least": {&mintage.Event{Seq: 1, Action: "d"}, "mintage audit 1\nseq=1:1\naction=1:d\n"},
		"all": {auditRow(2), "mintage audit 1\nseq=1:2\ntime=10:1800000000\ntenant=5:hotel\nactor_tenant=7:mintage\nactor_client=8:mc_admin\n" +
			"actor_operator=4:op_1\nactor_email=15:ada@example.com\nactor_address=9:192.0.2.1\naction=13:client.update\ntarget=4:desk\n" +
			"name=5:Désk\nvia=3:cli\ntrace_id=5:req_1\nbefore=7:{\"a\":1}\nafter=7:{\"a\":2}\n"},
	} {
		want := sha256.Sum256(append(zero[:], tt.text...))
		if got := tt.e.Link(nil); hex.EncodeToString(got) != hex.EncodeToString(want[:]) {
			t.Errorf("%s: %x, want SHA-256 of %q", name, got, tt.text)
		}
	}
}

// Each member counts: a row that differs in any has another hash.
func TestLinkCoversAll(t *testing.T) {
	t.Parallel()
	seen := map[string]string{hex.EncodeToString(auditRow(1).Link(nil)): "nothing"}
	change := func(v reflect.Value, path string, e *mintage.Event) {
		switch v.Interface().(type) {
		case string:
			v.SetString(v.String() + "x")
		case int64:
			v.SetInt(v.Int() + 1)
		case []byte:
			v.SetBytes(append([]byte("x"), v.Bytes()...))
		case time.Time:
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
		default:
			t.Fatalf("%s is a %s: say how it is linked", path, v.Type())
		}
		sum := hex.EncodeToString(e.Link(nil))
		if other, ok := seen[sum]; ok {
			t.Errorf("a changed %s hashes like a changed %s", path, other)
		}
		seen[sum] = path
	}
	for i := range reflect.TypeFor[mintage.Event]().NumField() {
		f := reflect.TypeFor[mintage.Event]().Field(i)
		switch f.Name {
		case "Hash":
		case "Actor":
			for j := range f.Type.NumField() {
				e := auditRow(1)
				change(reflect.ValueOf(e).Elem().Field(i).Field(j), "Actor."+f.Type.Field(j).Name, e)
			}
		default:
			e := auditRow(1)
			change(reflect.ValueOf(e).Elem().Field(i), f.Name, e)
		}
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	var rows []*mintage.Event
	var previous []byte
	for seq := int64(1); seq <= 5; seq++ {
		e := auditRow(seq)
		e.Hash = e.Link(previous)
		rows, previous = append(rows, e), e.Hash
	}
	for name, tt := range map[string]struct {
		order []int
		bad   int64 // zero: it is whole
	}{
		"whole":                  {[]int{0, 1, 2, 3, 4}, 0},
		"removed":                {[]int{0, 1, 3, 4}, 3},
		"swapped":                {[]int{0, 2, 1, 3, 4}, 2},
		"twice":                  {[]int{0, 1, 1, 2}, 2},
		"without the first":      {[]int{1, 2}, 1},
		"the end, which it may":  {[]int{0, 1}, 0},
		"a part is no beginning": {[]int{4}, 1},
	} {
		var c mintage.Chain
		var err error
		for _, i := range tt.order {
			if err = c.Next(rows[i]); err != nil {
				break
			}
		}
		var broken *mintage.BrokenChain
		if errors.As(err, &broken) != (tt.bad != 0) || broken != nil && broken.Seq != tt.bad {
			t.Errorf("%s: %v, want row %d", name, err, tt.bad)
		}
	}
}
