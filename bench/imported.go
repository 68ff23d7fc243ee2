package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// The names of what P18 is about: a client whose secret came from elsewhere
// with a bcrypt hash, and what guesses cost at it and at one of our own.
const (
	imported     = "sealed, imported bcrypt 10"
	guessOurs    = "wrong secret, generated"
	guessTheirs  = "wrong secret, imported"
	importedCost = 10
	importedText = "a-secret-that-another-server-made-and-hashed"
)

// addImported makes the clients of P18.
func (b *bench) addImported(ctx context.Context) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(importedText), importedCost)
	if err != nil {
		return err
	}
	for range 3 {
		began := time.Now()
		if err := bcrypt.CompareHashAndPassword(hash, []byte(importedText)); err != nil {
			return err
		}
		if took := time.Since(began); b.bcrypt == 0 || took < b.bcrypt {
			b.bcrypt = took
		}
	}
	p := b.product
	file := filepath.Join(p.dir, "imported", "secrets", "legacy.bcrypt")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, append(hash, '\n'), 0o600)); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("clients:\n")
	for id, secret := range map[string]string{
		"imported": `{ name: legacy, hash: { file: secrets/legacy.bcrypt } }`,
		"guessed":  `{ name: main, generate: true, write_to: { file: "secrets/{tenant}.env" } }`,
	} {
		fmt.Fprintf(&text, "  - { id: %[1]s, name: %[1]s, tenants: [bench], token: { format: sealed }, secrets: [%[2]s], "+
			"grants: [{ resource_server: %[3]s, scopes: [%[4]s] }] }\n", id, secret, resource, scope)
	}
	if err := p.apply(ctx, "imported", text.String()); err != nil {
		return err
	}
	const wrong = "a-guess-that-is-as-long-as-what-it-is-for-is"
	ask := func(id, secret string) [][]byte { return [][]byte{post(p.public, endpoint, id, secret, tokenForm())} }
	b.add(imported, p.process, target{addr: p.public, requests: ask("imported", importedText)})
	b.add(guessOurs, p.process, target{addr: p.public, requests: ask("guessed", wrong), refused: true})
	b.add(guessTheirs, p.process, target{addr: p.public, requests: ask("imported", wrong), refused: true})
	return nil
}

// importedGoal is P18.
func (b *bench) importedGoal(w *strings.Builder) {
	theirs, ours, cheap, slow := b.runs[imported], b.runs["sealed"], b.runs[guessOurs], b.runs[guessTheirs]
	if theirs == nil || ours == nil || cheap == nil || slow == nil {
		return
	}
	check := float64(b.bcrypt) / float64(time.Microsecond)
	w.WriteString("\n## P18: a secret that came with a bcrypt hash\n\n" +
		"The hash is checked once for each process and client; after that a token of that client costs:\n\n" +
		"| µs | beside | µs | ratio | at most | |\n|---|---|---|---|---|---|\n")
	fmt.Fprintf(w, "| %.1f | a generated secret | %.1f | %.2f | 1.20 | %s |\n", theirs.cpu, ours.cpu, theirs.cpu/ours.cpu, verdict(theirs.cpu/ours.cpu, 1.2))
	fmt.Fprintf(w, "| %.1f | one such check, which others pay for each token | %.0f | %.4f | 0.002 | %s |\n",
		theirs.cpu, check, theirs.cpu/check, verdict(theirs.cpu/check, 1.0/500))
	share := max(0, (slow.cpu-cheap.cpu)*slow.rate/1e6)
	fmt.Fprintf(w, "\nIn a flood of wrong secrets a refusal costs %.1f µs at this client and %.1f µs at one with a generated secret; "+
		"at %.0f refusals a second the slow checks take %s of a core.\n", slow.cpu, cheap.cpu, slow.rate, held("%.2f", share, 0.25))
}
