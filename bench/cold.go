package main

import (
	"context"
	"path/filepath"
	"slices"
	"time"
)

// startFigures are how long a server takes from its start to its first token.
type startFigures struct {
	name        string
	best, usual time.Duration
}

// What the starts are called.
const (
	startOne   = "mintage, database of one tenant"
	startMany  = "mintage, database of many tenants"
	startFirst = "mintage, first boot (to ready: migrations, master key, ES256 key)"
)

// measureStarts starts servers whose data is there, again and again, and one
// whose data is not.
func (b *bench) measureStarts(ctx context.Context) error {
	if b.options.starts == 0 {
		b.skipped = append(b.skipped, "P12, cold start: -starts 0")
		return nil
	}
	ask := func(name string) []byte { return b.runs[name].target.requests[0] }
	if err := b.measureStart(ctx, startOne, b.product, ask("JWT ES256")); err != nil {
		return err
	}
	if b.many != nil {
		if err := b.measureStart(ctx, startMany, b.many, ask(manyOne)); err != nil {
			return err
		}
	}
	if err := b.measureFirst(ctx); err != nil {
		return err
	}
	for _, p := range b.peerList {
		var all []time.Duration
		for range min(b.options.starts, 5) {
			p.stop()
			began := time.Now()
			if err := p.launch(b.dir); err != nil {
				return err
			}
			if _, err := p.answered(ctx, p.addr, p.scenarios[0].request, time.Minute); err != nil {
				return err
			}
			all = append(all, time.Since(began))
		}
		b.noteStart(p.name, all)
	}
	return nil
}

// measureStart measures exec to the first answer of 200 to a token request.
func (b *bench) measureStart(ctx context.Context, name string, p *product, ask []byte) error {
	var all []time.Duration
	for range b.options.starts {
		p.stop()
		began := time.Now()
		if err := p.launch(); err != nil {
			return err
		}
		if _, err := p.answered(ctx, p.public, ask, time.Minute); err != nil {
			return err
		}
		all = append(all, time.Since(began))
	}
	b.noteStart(name, all)
	return nil
}

// measureFirst measures the first start of all: migrations, master key, the
// first tenant and its key, until it is ready.
func (b *bench) measureFirst(ctx context.Context) error {
	var all []time.Duration
	for i := range min(b.options.starts, 5) {
		began := time.Now()
		p, err := newProduct(ctx, b.bin, filepath.Join(b.dir, "first", string(rune('a'+i))))
		if err != nil {
			return err
		}
		all = append(all, time.Since(began))
		p.stop()
	}
	b.noteStart(startFirst, all)
	return nil
}

func (b *bench) noteStart(name string, all []time.Duration) {
	slices.Sort(all)
	b.starts = append(b.starts, startFigures{name, all[0], all[len(all)/2]})
}
