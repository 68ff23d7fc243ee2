//go:build linux

package sqlfault

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sector is what a disk writes whole or not at all, in bytes.
const sector = 512

// recording is what happened to a disk, in order.
type recording struct {
	before map[string][]byte // what was there
	calls  []call
	marks  []int // of each mark, how many calls were before it
}

func (l *recording) add(c call) {
	c.data = bytes.Clone(c.data)
	l.calls = append(l.calls, c)
}

// Record remembers what is on the disk, which is taken to be synced, and from now
// on what happens to it.
func (d *Disk) Record() error {
	l := &recording{before: map[string][]byte{}}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if l.before[e.Name()], err = os.ReadFile(filepath.Join(d.dir, e.Name())); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = l
	return nil
}

// Mark notes that the test got here: what was acknowledged before it has to be
// there after a power cut that comes later. Marks are numbered from 0.
func (d *Disk) Mark() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log.marks = append(d.log.marks, len(d.log.calls))
}

// Moments returns how many moments there are at which a power cut can come: one
// after each call that was recorded, and one before the first.
func (d *Disk) Moments() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log.calls) + 1
}

// Marks returns of each mark how many calls were before it.
func (d *Disk) Marks() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log.marks)
}

// Cut makes in dir, an empty folder, what a power cut after n calls may leave:
// all that was synced, and of the rest whatever random leaves of it, sector by
// sector. It returns how many marks were made before that moment.
func (d *Disk) Cut(n int, random *rand.Rand, dir string) (marks int, err error) {
	d.mu.Lock()
	log := d.log
	calls := log.calls[:n]
	for _, at := range log.marks {
		if at <= n {
			marks++
		}
	}
	d.mu.Unlock()
	disk := map[string]*platter{}
	for name, content := range log.before {
		disk[name] = &platter{durable: bytes.Clone(content)}
	}
	for _, c := range calls {
		p := disk[c.file]
		if p == nil {
			p = &platter{fresh: true}
			disk[c.file] = p
		}
		if c.kind == kindSync && p.fresh && journal(c.file) {
			// SQLite syncs the folder with the first sync of a journal or log
			// that it made: all names in it are on the disk then.
			for name, p := range disk {
				if p.fresh = false; p.deleted {
					delete(disk, name)
				}
			}
		}
		p.take(c)
	}
	for name, p := range disk {
		content, there := p.after(random)
		if !there {
			continue
		}
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return marks, err
}

func journal(name string) bool {
	return strings.HasSuffix(name, "-journal") || strings.HasSuffix(name, "-wal")
}

// platter is what is on the disk of a file.
type platter struct {
	durable []byte
	fresh   bool   // it was made, and its name may not be on the disk
	deleted bool   // it was deleted, and that may not be on the disk
	pending []call // since the last sync
}

func (p *platter) take(c call) {
	switch c.kind {
	case kindWrite, kindTruncate:
		if p.deleted { // a new file of that name
			*p = platter{fresh: true}
		}
		p.pending = append(p.pending, c)
	case kindSync:
		if c.size < 0 { // the sync failed, and the page cache forgot
			p.pending = nil
			return
		}
		for _, w := range p.pending {
			p.durable = w.apply(p.durable, nil)
		}
		p.pending = nil
	case kindDelete:
		p.pending, p.deleted = nil, true
		if c.size > 0 { // the folder was synced
			p.durable = nil
		}
	case kindRead, kindOpen, kindMark:
	}
}

// after returns what random leaves, and whether the file is there at all.
func (p *platter) after(random *rand.Rand) (content []byte, there bool) {
	if p.deleted && len(p.durable) == 0 || (p.fresh || p.deleted) && random.IntN(2) == 0 {
		return nil, false
	}
	content = slices.Clone(p.durable)
	for _, w := range p.pending {
		switch random.IntN(3) {
		case 0: // it never got there
		case 1:
			content = w.apply(content, nil)
		case 2:
			content = w.apply(content, random)
		}
	}
	return content, true
}

// apply does to content what the call does; with random, only some sectors of
// it.
func (c call) apply(content []byte, random *rand.Rand) []byte {
	if c.kind == kindTruncate {
		if int64(len(content)) > c.size {
			return content[:c.size]
		}
		return append(content, make([]byte, c.size-int64(len(content)))...)
	}
	if end := c.off + int64(len(c.data)); int64(len(content)) < end {
		content = append(content, make([]byte, end-int64(len(content)))...)
	}
	for at := 0; at < len(c.data); {
		// Sectors begin at multiples of their size in the file.
		next := min(len(c.data), at+sector-int((c.off+int64(at))%sector))
		if random == nil || random.IntN(2) == 0 {
			copy(content[c.off+int64(at):], c.data[at:next])
		}
		at = next
	}
	return content
}
