package secret_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/secret"
)

func TestGenerateHasTheDecidedForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		production bool
		want       *regexp.Regexp
	}{
		{true, regexp.MustCompile(`^mint_live_[0-9A-Za-z]{49}$`)},
		{false, regexp.MustCompile(`^mint_test_[0-9A-Za-z]{49}$`)},
	} {
		s := secret.Generate(c.production)
		if !c.want.MatchString(s) {
			t.Errorf("Generate(%v) does not match %s", c.production, c.want)
		}
		if !secret.WellFormed(s) {
			t.Errorf("WellFormed(Generate(%v)) = false", c.production)
		}
	}
	if id := secret.NewClientID(); !regexp.MustCompile(`^mc_[0-9A-Za-z]{16}$`).MatchString(id) {
		t.Errorf("NewClientID() = %q", id)
	}
}

// The checksum is CRC-32 (IEEE) of all before it, in base62: others must be
// able to check what they find.
func TestChecksumIsCRC32(t *testing.T) {
	t.Parallel()
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	s := secret.Generate(true)
	body, sum := s[:len(s)-6], s[len(s)-6:]
	n := 0
	for i := range len(sum) {
		n = n*62 + strings.IndexByte(digits, sum[i])
	}
	if want := crc32.ChecksumIEEE([]byte(body)); uint32(n) != want {
		t.Errorf("checksum %d, want %d", n, want)
	}
}

// TE-23: 10^5 secrets and as many identifiers without a repeat, and each of the
// 62 characters as often as the others in each of the 43 places together.
func TestGenerateDoesNotRepeat(t *testing.T) {
	t.Parallel()
	const n = 100_000
	seen := make(map[string]struct{}, 2*n)
	var count [256]int
	for range n {
		s := secret.Generate(false)
		seen[s] = struct{}{}
		seen[secret.NewClientID()] = struct{}{}
		for i := range 43 {
			count[s[10+i]]++
		}
	}
	if len(seen) != 2*n {
		t.Errorf("%d of %d differ", len(seen), 2*n)
	}
	// Expected 69,355 each with a deviation of 261: eight of them are chance once
	// in 10^13.
	const want, most = n * 43 / 62, 8 * 261
	for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		if d := count[c] - want; d < -most || d > most {
			t.Errorf("%c: %d times, want about %d", c, count[c], want)
		}
	}
}

func TestWellFormedRefuses(t *testing.T) {
	t.Parallel()
	good := secret.Generate(false)
	flip := byte('0')
	if good[20] == flip {
		flip = '1'
	}
	for name, s := range map[string]string{
		"empty":          "",
		"prefix alone":   "mint_test_",
		"other prefix":   "mint_prod_" + good[10:],
		"upper prefix":   "MINT_test_" + good[10:],
		"live for test":  "mint_live_" + good[10:],
		"changed":        good[:20] + string(flip) + good[21:],
		"cut":            good[:len(good)-1],
		"longer":         good + "0",
		"space inside":   good[:20] + " " + good[21:],
		"not ASCII":      good[:20] + "é" + good[22:],
		"swapped halves": good[:10] + good[30:50] + good[10:30] + good[50:],
	} {
		if secret.WellFormed(s) {
			t.Errorf("%s: WellFormed = true", name)
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	s := secret.Generate(true)
	for _, c := range []struct{ in, want string }{
		{s, "mint_live_…" + s[len(s)-4:]},
		{"hunter2", ""},
		{"0123456789012345678901234567890", ""},
		{"01234567890123456789012345678901", "…8901"},
		{"0123456789012345678901234567890\n", ""},
		{"", ""},
	} {
		if got := secret.Hint(c.in); got != c.want {
			t.Errorf("Hint(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzWellFormed(f *testing.F) {
	good := secret.Generate(false)
	f.Add(good)
	f.Add(good[:58])
	f.Add("mint_live_")
	f.Fuzz(func(t *testing.T, s string) {
		ok := secret.WellFormed(s)
		form := regexp.MustCompile(`^mint_(live|test)_[0-9A-Za-z]{49}$`).MatchString(s)
		if ok && !form {
			t.Errorf("WellFormed(%q) = true", s)
		}
		// A checksum finds every change of one character.
		for i := 10; ok && i < len(s); i++ {
			changed := s[:i] + string('0'+(s[i]-'0'+1)%10) + s[i+1:]
			if changed != s && secret.WellFormed(changed) {
				t.Errorf("WellFormed(%q) = true, and so is %q", s, changed)
			}
		}
	})
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

// KY-10: without randomness the process stops; it never makes a weak secret.
func TestFailingRandomnessStopsTheProcess(t *testing.T) {
	t.Parallel()
	const marker = "MINTAGE_TEST_FAILING_RANDOMNESS"
	if os.Getenv(marker) != "" {
		rand.Reader = failingReader{}
		fmt.Println("made", secret.Generate(true))
		os.Exit(0)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFailingRandomnessStopsTheProcess$")
	cmd.Env = append(os.Environ(), marker+"=1")
	out, err := cmd.Output()
	if err == nil || strings.Contains(string(out), "made") {
		t.Errorf("the process went on: %v", err)
	}
}
