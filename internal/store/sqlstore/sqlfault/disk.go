//go:build linux

package sqlfault

import (
	"path/filepath"
	"strings"
	"sync"
)

// Fault is how a call fails.
type Fault int

// The ways in which a call fails, once. Where a Fault says nothing about a kind
// of call, such a call goes well.
const (
	// None lets all calls go well.
	None Fault = iota
	// IOError fails whatever the call is, and nothing of it is done.
	IOError
	// NoSpace is a disk without space: writes fail, and nothing of them is done.
	NoSpace
	// Torn writes one half of what a write should, and then fails.
	Torn
	// SyncLost fails a sync, and what was to be synced never reaches the disk,
	// though the file reads as if it had: so does the page cache of Linux.
	SyncLost
)

// Disk is what files below a directory are on. Made by New. It is safe for
// concurrent use.
type Disk struct {
	dir string

	mu     sync.Mutex
	calls  int // so far
	fault  Fault
	at     int  // the call that fails; zero: none
	struck bool // whether it came
	full   bool
	log    *recording // nil: nothing is recorded
}

// New puts what is below dir, an absolute path, on a disk of its own. The caller
// calls Remove when no database there is open any more.
func New(dir string) (*Disk, error) {
	d := &Disk{dir: filepath.Clean(dir) + string(filepath.Separator)}
	return d, disks().add(d)
}

// Remove takes the disk out.
func (d *Disk) Remove() { disks().remove(d) }

// Fail lets the nth call from now on fail, once. The first is 1.
func (d *Disk) Fail(n int, f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls, d.at, d.fault, d.struck = 0, n, f, false
}

// Stop ends what Fail began, and returns how many calls there were since, and
// whether one failed.
func (d *Disk) Stop() (calls int, struck bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = 0
	return d.calls, d.struck
}

// Fill takes the space away, until it is given back: no file can grow or change.
func (d *Disk) Fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// call is one that SQLite makes.
type call struct {
	kind kind
	file string // its name, without the directory
	off  int64
	data []byte // of a write; it belongs to SQLite and is over when the call is
	size int64  // of a truncation
}

type kind int

const (
	kindRead kind = iota
	kindWrite
	kindTruncate
	kindSync
	kindDelete
	kindOpen
	kindMark // no call: the test was here
)

// happens counts a call and says how it fails.
func (d *Disk) happens(c *call) Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.full && c.kind == kindWrite {
		return NoSpace
	}
	if d.at == 0 || d.calls != d.at || !d.fault.concerns(c.kind) {
		return None
	}
	d.struck = true
	return d.fault
}

// concerns reports whether a call of a kind can fail so.
func (f Fault) concerns(k kind) bool {
	switch f {
	case IOError:
		return true
	case NoSpace, Torn:
		return k == kindWrite
	case SyncLost:
		return k == kindSync
	case None:
	}
	return false
}

// done notes a call that changed the disk as it should.
func (d *Disk) done(c call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.log != nil {
		d.log.add(c)
	}
}

// lost notes that a sync failed and that what it should have synced is gone.
func (d *Disk) lost(file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.log != nil {
		d.log.add(call{kind: kindSync, file: file, size: -1})
	}
}

// registry finds the disk that a file is on.
type registry struct {
	mu    sync.RWMutex
	disks []*Disk
	files map[uintptr]*fileOn // that are open, by a number of ours
	next  uintptr
}

// disks returns the registry of the process, into which SQLite calls.
func disks() *registry { return theRegistry() }

var theRegistry = sync.OnceValue(func() *registry { return &registry{files: map[uintptr]*fileOn{}} })

func (r *registry) add(d *Disk) error {
	if err := install(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disks = append(r.disks, d)
	return nil
}

func (r *registry) remove(d *Disk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.disks {
		if other == d {
			r.disks = append(r.disks[:i:i], r.disks[i+1:]...)
			return
		}
	}
}

// find returns the disk of a path and the name that the file has there; nil when
// it is on none.
func (r *registry) find(path string) (*Disk, string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, d := range r.disks {
		if name, ok := strings.CutPrefix(path, d.dir); ok {
			return d, name
		}
	}
	return nil, ""
}

// fileOn is one that SQLite has open.
type fileOn struct {
	disk *Disk
	name string
}

func (r *registry) opened(f *fileOn) uintptr {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	r.files[r.next] = f
	return r.next
}

func (r *registry) file(id uintptr) *fileOn {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.files[id]
}

func (r *registry) closed(id uintptr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.files, id)
}
