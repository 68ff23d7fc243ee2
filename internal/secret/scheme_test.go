package secret_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
)

const known = "correct horse battery staple"

// Made with other implementations: Python's hashlib, crypt(3) of glibc, and
// libargon2.
var imported = map[string]string{
	"bcrypt 2a":         "$2a$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
	"bcrypt 2b":         "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
	"bcrypt 2y":         "$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
	"bcrypt with name":  "bcrypt:$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
	"argon2id":          "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$aq42HBL+IPAitHspChw/8mx5JRX2jFDkTmlsBskwH/0",
	"argon2id 4 lanes":  "$argon2id$v=19$m=1024,t=2,p=4$MDEyMzQ1Njc4OWFiY2RlZg$rr/Dl+a4o5gcayema0lTnXlsmp27zihs9gL7T6Bl4cE",
	"pbkdf2 Hydra":      "$pbkdf2-sha256$i=25000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$P1j74j3FGD4WPVh9vm6TDMHuXbVOTG6Qlom1dBwdwKc",
	"pbkdf2 short":      "$pbkdf2-sha256$i=1000,l=16$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FGw",
	"pbkdf2 sha512":     "$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$5bTW2oeyDJyGJPcmEr+mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC+oDhRoeIja9J1iLIv9ptDJMfQ",
	"sha256":            "sha256:c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a",
	"sha256 upper case": "sha256:C4BBCB1FBEC99D65BF59D85C8CB62EE2DB963F0FE106F483D9AFA73BD4E39A8A",
	"sha512":            "sha512:be5ef7679d88ab9a9045f6267e55f5e5784b4b8cd764b5cd855a5244f91c626953cd46c43d7668873fd6efbd3b221249315580031963472a078781fe046e62ae",
}

func TestImportedHashes(t *testing.T) {
	t.Parallel()
	h := newHasher()
	for name, hash := range imported {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := secret.CheckImported(hash); err != nil {
				t.Fatalf("CheckImported: %v", err)
			}
			if !secret.Outdated(hash) {
				t.Error("Outdated = false")
			}
			secrets := []mintage.Secret{{ID: name, Hash: hash}}
			for _, wrong := range []string{"", known + "x", known[1:], strings.ToUpper(known), known + "\x00" + known} {
				if _, err := h.Verify(t.Context(), "t", "c", secrets, wrong, time.Now()); reason(err) != "secret.mismatch" {
					t.Errorf("Verify(%q): %v", wrong, err)
				}
			}
			for range 2 { // by the hash, then from memory
				s, err := h.Verify(t.Context(), "t", "c", secrets, known, time.Now())
				if err != nil || s.ID != name {
					t.Fatalf("Verify(right) = %v, %v", s, err)
				}
			}
			if _, err := h.Verify(t.Context(), "t", "c", secrets, known+"x", time.Now()); reason(err) != "secret.mismatch" {
				t.Errorf("Verify(wrong) after a right one: %v", err)
			}
		})
	}
}

// bcrypt reads 72 bytes. The hash of a longer secret was made of its beginning.
func TestBcryptCutsAt72Bytes(t *testing.T) {
	t.Parallel()
	h := newHasher()
	whole := strings.Repeat("0123456789", 8)
	secrets := []mintage.Secret{{ID: "1", Hash: "$2y$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S"}}
	for _, c := range []struct {
		in   string
		want string
	}{
		{whole[:71], "secret.mismatch"},
		{whole[:72], ""},
		{whole, ""},
		{whole[:71], "secret.mismatch"},
		{"1" + whole[1:], "secret.mismatch"},
	} {
		if _, err := h.Verify(t.Context(), "t", "c", secrets, c.in, time.Now()); reason(err) != c.want {
			t.Errorf("%d bytes: %v, want reason %q", len(c.in), err, c.want)
		}
	}
}

// With a zero byte inside, bcrypt takes different secrets for the same one.
func TestBcryptRefusesZeroBytes(t *testing.T) {
	t.Parallel()
	secrets := []mintage.Secret{{ID: "1", Hash: imported["bcrypt 2b"]}}
	if _, err := newHasher().Verify(t.Context(), "t", "c", secrets, known+"\x00"+known[:20], time.Now()); reason(err) != "secret.mismatch" {
		t.Error(err)
	}
}

func TestCheckImportedRefuses(t *testing.T) {
	t.Parallel()
	const salt, sum = "MDEyMzQ1Njc4OWFiY2RlZg", "P1j74j3FGD4WPVh9vm6TDMHuXbVOTG6Qlom1dBwdwKc"
	for _, c := range []struct{ name, hash, want string }{
		{"empty", "", "unknown hash"},
		{"clear text", "hunter2", "unknown hash"},
		{"our own form", newHasher().HashGenerated("x"), "unknown hash"},
		{"MD5 crypt", "$1$abcdefgh$0123456789abcdef", "unknown hash"},
		{"argon2i", "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + sum, "unknown hash"},
		{"bcrypt 2x", "$2x$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG", "unknown hash"},
		{"bcrypt cut", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6C", "malformed"},
		{"bcrypt alphabet", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6C!", "malformed"},
		{"bcrypt cost is no number", "$2b$x4$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG", "malformed"},
		{"bcrypt cost without end", "$2b$100abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG", "malformed"},
		{"bcrypt too cheap", "$2b$03$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG", "below 4"},
		{"bcrypt too dear", "$2b$15$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG", "above 14"},
		{"argon2id version", "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + sum, "version 19"},
		{"argon2id no version", "$argon2id$m=64,t=1,p=1$" + salt + "$" + sum, "malformed"},
		{"argon2id order", "$argon2id$v=19$t=1,m=64,p=1$" + salt + "$" + sum, "malformed"},
		{"argon2id no passes", "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + sum, "t is 0"},
		{"argon2id no lanes", "$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + sum, "p is 0"},
		{"argon2id lanes", "$argon2id$v=19$m=64,t=1,p=16$" + salt + "$" + sum, "eight times p"},
		{"argon2id memory", "$argon2id$v=19$m=1000000,t=1,p=1$" + salt + "$" + sum, "m in KiB is 1000000"},
		{"argon2id overflow", "$argon2id$v=19$m=99999999999,t=1,p=1$" + salt + "$" + sum, "malformed"},
		{"argon2id sign", "$argon2id$v=19$m=+64,t=1,p=1$" + salt + "$" + sum, "malformed"},
		{"argon2id work", "$argon2id$v=19$m=262144,t=5,p=1$" + salt + "$" + sum, "m times t"},
		{"argon2id salt", "$argon2id$v=19$m=64,t=1,p=1$MDEy$" + sum, "salt"},
		{"argon2id hash", "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$MDEy", "hash's length"},
		{"argon2id padding", "$argon2id$v=19$m=64,t=1,p=1$" + salt + "==$" + sum, "malformed"},
		{"argon2id line break", "$argon2id$v=19$m=64,t=1,p=1$" + salt + "\n$" + sum, "malformed"},
		{"pbkdf2 sha1", "$pbkdf2-sha1$i=25000,l=32$" + salt + "$" + sum, "unknown hash"},
		{"pbkdf2 too cheap", "$pbkdf2-sha256$i=1,l=32$" + salt + "$" + sum, "below 1000"},
		{"pbkdf2 too dear", "$pbkdf2-sha256$i=2000001,l=32$" + salt + "$" + sum, "above 2000000"},
		{"pbkdf2 length", "$pbkdf2-sha256$i=25000,l=31$" + salt + "$" + sum, "l is not"},
		{"pbkdf2 parts", "$pbkdf2-sha256$i=25000,l=32$" + salt, "malformed"},
		{"sha256 short", "sha256:00", "malformed"},
		{"sha256 base64", "sha256:" + sum, "malformed"},
		{"sha512 of a sha256", "sha512:c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a", "malformed"},
	} {
		err := secret.CheckImported(c.hash)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: CheckImported = %v, want %q", c.name, err, c.want)
			continue
		}
		if len(c.hash) > 8 && strings.Contains(err.Error(), c.hash[len(c.hash)-8:]) {
			t.Errorf("%s: the error repeats the hash: %v", c.name, err)
		}
	}
}

func FuzzCheckImported(f *testing.F) {
	for _, hash := range imported {
		f.Add(hash)
	}
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, hash string) {
		if err := secret.CheckImported(hash); err != nil && len(hash) > 24 && strings.Contains(err.Error(), hash) {
			t.Errorf("the error repeats the hash: %v", err)
		}
	})
}
