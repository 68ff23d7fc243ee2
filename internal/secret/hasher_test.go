package secret_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
)

var pepper = []byte("0123456789abcdef0123456789abcdef")

func newHasher() *secret.Hasher { return secret.New(pepper) }

// reason returns the reason of an *Error, "" without an error, and the message
// of any other.
func reason(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*secret.Error](err); ok {
		return e.Reason()
	}
	return err.Error()
}

// KY-07: generated secrets are MACs under the pepper.
func TestHashGenerated(t *testing.T) {
	t.Parallel()
	s := secret.Generate(true)
	a := newHasher().HashGenerated(s)
	if !regexp.MustCompile(`^hmac-sha256\$[-_0-9A-Za-z]{43}$`).MatchString(a) {
		t.Errorf("HashGenerated = %q", a)
	}
	if b := newHasher().HashGenerated(s); a != b {
		t.Error("the hash differs in another process with the same pepper")
	}
	if b := secret.New(bytes.Repeat([]byte{1}, 32)).HashGenerated(s); a == b {
		t.Error("the hash does not depend on the pepper")
	}
	if secret.Outdated(a) {
		t.Error("Outdated = true")
	}
}

// KY-07: chosen secrets are under argon2id.
func TestHashBrought(t *testing.T) {
	t.Parallel()
	h := newHasher()
	a, err := h.HashBrought(t.Context(), "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("HashBrought = %q", a)
	}
	if b, _ := h.HashBrought(t.Context(), "hunter2"); a == b {
		t.Error("two hashes of one secret are the same: no salt")
	}
	if err := secret.CheckImported(a); err != nil {
		t.Errorf("CheckImported: %v", err)
	}
	if secret.Outdated(a) {
		t.Error("Outdated = true")
	}
	if _, err := h.Verify(t.Context(), "t", "c", []mintage.Secret{{Hash: a}}, "hunter2", time.Now()); err != nil {
		t.Errorf("Verify: %v", err)
	}
	for _, bad := range []string{"", strings.Repeat("x", secret.MaxLength+1)} {
		if _, err := h.HashBrought(t.Context(), bad); err == nil {
			t.Errorf("HashBrought of %d bytes: no error", len(bad))
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	h := newHasher()
	a := h.Digest("hunter2")
	if len(a) != 32 || !bytes.Equal(a, newHasher().Digest("hunter2")) || bytes.Equal(a, h.Digest("hunter3")) {
		t.Errorf("Digest = %x", a)
	}
	if strings.HasSuffix(h.HashGenerated("hunter2"), hex.EncodeToString(a)) {
		t.Error("digest and hash share a key")
	}
}

func TestVerifyTellsStatesApart(t *testing.T) {
	t.Parallel()
	h := newHasher()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	past, future := now.Add(-time.Second), now.Add(time.Second)
	right := secret.Generate(true)
	hash := h.HashGenerated(right)
	other := h.HashGenerated(secret.Generate(true))
	for _, c := range []struct {
		name    string
		secrets []mintage.Secret
		want    string
		id      string
	}{
		{"none", nil, "secret.mismatch", ""},
		{"other", []mintage.Secret{{ID: "1", Hash: other}}, "secret.mismatch", ""},
		{"first", []mintage.Secret{{ID: "1", Hash: hash}, {ID: "2", Hash: other}}, "", "1"},
		{"last", []mintage.Secret{{ID: "1", Hash: other}, {ID: "2", Hash: hash}}, "", "2"},
		{"expires later", []mintage.Secret{{ID: "1", Hash: hash, Expires: future}}, "", "1"},
		{"expires now", []mintage.Secret{{ID: "1", Hash: hash, Expires: now}}, "secret.expired", "1"},
		{"expired", []mintage.Secret{{ID: "1", Hash: hash, Expires: past}}, "secret.expired", "1"},
		{"revoked", []mintage.Secret{{ID: "1", Hash: hash, Revoked: past}}, "secret.revoked", "1"},
		{"both", []mintage.Secret{{ID: "1", Hash: hash, Revoked: past, Expires: past}}, "secret.revoked", "1"},
		{"dead and live", []mintage.Secret{{ID: "1", Hash: hash, Expires: past}, {ID: "2", Hash: hash}}, "", "2"},
		{"live and dead", []mintage.Secret{{ID: "1", Hash: hash}, {ID: "2", Hash: hash, Revoked: past}}, "", "1"},
		{"slow and expired", []mintage.Secret{{ID: "1", Hash: imported["argon2id"], Expires: past}}, "secret.mismatch", ""},
		{"unreadable but right beside", []mintage.Secret{{ID: "1", Hash: "?"}, {ID: "2", Hash: hash}}, "", "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := h.Verify(t.Context(), "t", "c", c.secrets, right, now)
			id := ""
			if e, ok := errors.AsType[*secret.Error](err); ok {
				id = e.SecretID
			} else if s != nil {
				id = s.ID
			}
			if reason(err) != c.want || id != c.id {
				t.Errorf("Verify = %v, %v; want reason %q of secret %q", s, err, c.want, c.id)
			}
			if (s == nil) == (err == nil) {
				t.Errorf("Verify = %v and %v", s, err)
			}
		})
	}
}

func TestVerifyOfAnExpiredSlowSecret(t *testing.T) {
	t.Parallel()
	now := time.Now()
	secrets := []mintage.Secret{{ID: "1", Hash: imported["argon2id"], Expires: now}}
	h := newHasher()
	for range 2 {
		if _, err := h.Verify(t.Context(), "t", "c", secrets, known, now); reason(err) != "secret.expired" {
			t.Errorf("Verify: %v", err)
		}
	}
}

// A brought secret that expired and was added again works, though the expired
// one is remembered.
func TestVerifyOfASecretAddedAgain(t *testing.T) {
	t.Parallel()
	now, h := time.Now(), newHasher()
	secrets := []mintage.Secret{{ID: "old", Hash: imported["argon2id"], Expires: now}}
	if _, err := h.Verify(t.Context(), "t", "c", secrets, known, now); reason(err) != "secret.expired" {
		t.Fatalf("Verify: %v", err)
	}
	secrets = append(secrets, mintage.Secret{ID: "new", Hash: imported["argon2id 4 lanes"]})
	for range 2 {
		if s, err := h.Verify(t.Context(), "t", "c", secrets, known, now); err != nil || s.ID != "new" {
			t.Errorf("Verify = %v, %v", s, err)
		}
	}
}

// A hash that cannot be read is our fault, which no client is blamed for.
func TestVerifyOfAnUnreadableHash(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{"", "?", "$2b$99$", "sha256:zz"} {
		_, err := newHasher().Verify(t.Context(), "t", "c", []mintage.Secret{{ID: "1", Hash: hash}}, "x", time.Now())
		if _, ok := errors.AsType[*secret.Error](err); ok || err == nil {
			t.Errorf("hash %q: %v", hash, err)
		}
	}
}

func TestVerifyNobody(t *testing.T) {
	t.Parallel()
	h := newHasher()
	for _, candidate := range []string{"", "x", secret.Generate(true), strings.Repeat("x", 1000)} {
		if err := h.VerifyNobody(t.Context(), candidate); reason(err) != "secret.mismatch" {
			t.Errorf("VerifyNobody(%d bytes): %v", len(candidate), err)
		}
	}
}

// TE-29: an unknown client costs what a wrong secret costs. The time of
// whole requests is measured at the endpoint.
func TestUnknownClientDoesTheSameWork(t *testing.T) {
	t.Parallel()
	h := newHasher()
	candidate := secret.Generate(true)
	secrets := []mintage.Secret{{ID: "1", Hash: h.HashGenerated(secret.Generate(true))}}
	ctx, now := t.Context(), time.Now()
	work := []func(){
		func() { _ = h.VerifyNobody(ctx, candidate) },
		func() { _, _ = h.Verify(ctx, "t", "c", secrets, candidate, now) },
	}
	least := []time.Duration{time.Hour, time.Hour}
	for range 200 { // the least of many short rounds in turn: other load only ever adds
		for i, do := range work {
			start := time.Now()
			for range 50 {
				do()
			}
			least[i] = min(least[i], time.Since(start))
		}
	}
	if a, b := least[0], least[1]; 2*a > 3*b || 2*b > 3*a {
		t.Errorf("%s for nobody, %s for a wrong secret", a, b)
	}
}

// P18: the slow hash is paid once, whoever asks and how often.
func TestSlowHashIsPaidOnce(t *testing.T) {
	t.Parallel()
	h := newHasher()
	secrets := []mintage.Secret{{ID: "1", Hash: imported["argon2id"]}}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := h.Verify(t.Context(), "t", "c", secrets, known, time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// With every slot taken and nobody willing to wait, memory alone answers.
	busy := secret.NewSized(pepper, 1, 10, time.Nanosecond)
	if _, err := busy.Verify(t.Context(), "t", "c", secrets, known, time.Now()); err != nil {
		t.Fatal(err)
	}
	release, err := busy.TakeSlot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, c := range []struct {
		name, tenant, client, candidate string
		secrets                         []mintage.Secret
		want                            string
	}{
		{"the same", "t", "c", known, secrets, ""},
		{"a wrong one", "t", "c", known + "x", secrets, "secret.mismatch"},
		{"another tenant", "u", "c", known, secrets, secret.ErrBusy.Error()},
		{"another client", "t", "d", known, secrets, secret.ErrBusy.Error()},
		{"another secret", "t", "c", known, []mintage.Secret{{ID: "2", Hash: imported["argon2id"]}}, secret.ErrBusy.Error()},
		{"another hash", "t", "c", known, []mintage.Secret{{ID: "1", Hash: imported["argon2id 4 lanes"]}}, secret.ErrBusy.Error()},
		{"revoked meanwhile", "t", "c", known, []mintage.Secret{{ID: "1", Hash: imported["argon2id"], Revoked: time.Unix(1, 0)}}, "secret.revoked"},
	} {
		if _, err := busy.Verify(t.Context(), c.tenant, c.client, c.secrets, c.candidate, time.Now()); reason(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	h := secret.NewSized(pepper, 1, 3, time.Minute)
	for i := range 10 {
		secrets := []mintage.Secret{{ID: "1", Hash: imported["bcrypt 2b"]}}
		if _, err := h.Verify(t.Context(), "t", fmt.Sprint(i), secrets, known, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.Remembered(); n != 3 {
		t.Errorf("%d are remembered, want 3", n)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	secrets := []mintage.Secret{{ID: "1", Hash: imported["argon2id"]}}
	synctest.Test(t, func(t *testing.T) {
		h := secret.NewSized(pepper, 1, 10, 2*time.Second)
		release, err := h.TakeSlot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := h.Verify(t.Context(), "t", "c", secrets, "x", start); !errors.Is(err, secret.ErrBusy) {
			t.Errorf("Verify: %v", err)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %s, want 2s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.HashBrought(ctx, "x"); !errors.Is(err, secret.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("HashBrought: %v", err)
		}
		// A generated secret needs no slot.
		s := secret.Generate(true)
		if _, err := h.Verify(t.Context(), "t", "c", append(secrets, mintage.Secret{Hash: h.HashGenerated(s)}), s, start); err != nil {
			t.Errorf("Verify of a generated secret: %v", err)
		}
		// The queue has an end.
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if _, err := h.Verify(t.Context(), "t", "c", secrets, known, start); err != nil {
					t.Errorf("Verify after waiting: %v", err)
				}
			})
		}
		synctest.Wait()
		if n := h.Waiting(); n != 64 {
			t.Errorf("%d wait, want 64", n)
		}
		before := time.Now()
		if _, err := h.Verify(t.Context(), "t", "c", secrets, known, start); !errors.Is(err, secret.ErrBusy) || time.Since(before) != 0 {
			t.Errorf("Verify with a full queue: %v after %s", err, time.Since(before))
		}
		release()
		wg.Wait()
	})
}

func TestNewPanicsWithoutPepper(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New took 31 bytes")
		}
	}()
	secret.New(pepper[:31])
}

// No way of printing a Hasher shows its keys, nor what it derived from the
// pepper; no error shows the candidate.
func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	h := newHasher()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", struct{ H *secret.Hasher }{h})
	}
	slog.New(slog.NewTextHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "m", slog.Any("h", h))
	b, err := json.Marshal(struct{ H any }{h})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	candidate := secret.Generate(true)
	_, err = h.Verify(t.Context(), "t", "c", []mintage.Secret{{ID: "1", Hash: "hash-of-old"}}, candidate, time.Now())
	fmt.Fprint(&out, err, h.VerifyNobody(t.Context(), candidate))
	for _, bad := range []string{string(pepper), candidate, "hash-of-old"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("%q is in %s", bad, out.String())
		}
	}
	// Key bytes would come as lists of numbers or as long hex.
	if m := regexp.MustCompile(`(\d{1,3} ){8}|(0x[0-9a-f]{1,2}, ){8}|[0-9a-f]{32}`).FindString(out.String()); m != "" {
		t.Errorf("%q is in %s", m, out.String())
	}
}

func ExampleHasher_Verify() {
	h := secret.New([]byte("a pepper is 32 bytes or more, ok"))
	s := secret.Generate(true)
	secrets := []mintage.Secret{{ID: "2026-11", Hash: h.HashGenerated(s)}}
	found, err := h.Verify(context.Background(), "prod", "mc_1", secrets, s, time.Now())
	fmt.Println(found.ID, err)
	_, err = h.Verify(context.Background(), "prod", "mc_1", secrets, "wrong", time.Now())
	fmt.Println(err)
	// Output:
	// 2026-11 <nil>
	// no secret of the client matches
}
