//go:build linux

package sqlfault

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// handle is a file as SQLite holds it: ours in front, and after it the one of
// the VFS that does the work. Both are in memory that SQLite has allocated.
type handle struct {
	methods uintptr
	id      uintptr // of the registry
}

const handleSize = unsafe.Sizeof(handle{})

// at is what is at an address of SQLite's.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) } // #nosec G103 -- SQLite hands out addresses

// pointer returns the address of a function, as SQLite calls it.
func pointer(f any) uintptr {
	type words [2]uintptr
	return (*words)(unsafe.Pointer(&f))[1] // #nosec G103 -- what libc calls is the second word of an interface
}

// function is the function at an address, which has the type F.
func function[F any](address uintptr) F {
	holder := struct{ uintptr }{address}
	return *(*F)(unsafe.Pointer(&holder)) // #nosec G103 -- the reverse of pointer
}

// base is what our VFS knows of the one that does the work. It is where SQLite
// leaves room for what is a VFS's own.
type base struct {
	vfs     uintptr
	methods uintptr // the address of ours
}

// install makes our VFS the default of this process, once.
var install = sync.OnceValue(func() error {
	tls := libc.NewTLS() // for ever, as SQLite's VFS are
	below := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if below == 0 {
		return errors.New("SQLite has no VFS")
	}
	name, err := libc.CString("fault")
	if err != nil {
		return err
	}
	ours, err := allocate[sqlite3.Tsqlite3_vfs](tls)
	if err != nil {
		return err
	}
	own, err := allocate[sqlite3.Tsqlite3_io_methods](tls)
	if err != nil {
		return err
	}
	of, err := allocate[base](tls)
	if err != nil {
		return err
	}
	*at[sqlite3.Tsqlite3_io_methods](own) = methods()
	*at[base](of) = base{vfs: below, methods: own}
	v := at[sqlite3.Tsqlite3_vfs](ours)
	*v = *at[sqlite3.Tsqlite3_vfs](below)
	v.FpNext, v.FzName, v.FpAppData = 0, name, of
	v.FszOsFile += int32(handleSize)
	v.FxOpen, v.FxDelete = pointer(open), pointer(remove)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, ours, 1); rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("SQLite does not take the VFS: %d", rc)
	}
	return nil
})

// allocate returns the address of room for a T, outside of Go's memory.
func allocate[T any](tls *libc.TLS) (uintptr, error) {
	var t T
	address := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(t)))
	if address == 0 {
		return 0, errors.New("no memory")
	}
	return address, nil
}

// below returns the VFS that does the work, and what we know of it.
func below(vfs uintptr) (*base, *sqlite3.Tsqlite3_vfs) {
	b := at[base](at[sqlite3.Tsqlite3_vfs](vfs).FpAppData)
	return b, at[sqlite3.Tsqlite3_vfs](b.vfs)
}

func methods() sqlite3.Tsqlite3_io_methods {
	return sqlite3.Tsqlite3_io_methods{
		FiVersion: 3,
		FxClose:   pointer(closeFile), FxRead: pointer(read), FxWrite: pointer(write), FxTruncate: pointer(truncate),
		FxSync: pointer(syncFile), FxFileSize: pointer(fileSize), FxLock: pointer(lock), FxUnlock: pointer(unlock),
		FxCheckReservedLock: pointer(checkReservedLock), FxFileControl: pointer(fileControl),
		FxSectorSize: pointer(sectorSize), FxDeviceCharacteristics: pointer(deviceCharacteristics),
		FxShmMap: pointer(shmMap), FxShmLock: pointer(shmLock), FxShmBarrier: pointer(shmBarrier), FxShmUnmap: pointer(shmUnmap),
		FxFetch: pointer(fetch), FxUnfetch: pointer(unfetch),
	}
}

type (
	fnOpen   = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	fnDelete = func(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32
)

func open(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	b, v := below(vfs)
	next := function[fnOpen](v.FxOpen)
	if name == 0 { // a temporary file of SQLite's own
		return next(tls, b.vfs, name, file, flags, outFlags)
	}
	d, short := disks().find(libc.GoString(name))
	if d == nil {
		return next(tls, b.vfs, name, file, flags, outFlags)
	}
	h := at[handle](file)
	*h = handle{} // SQLite closes what has methods
	if d.happens(&call{kind: kindOpen, file: short}) != None {
		return sqlite3.SQLITE_CANTOPEN
	}
	rc := next(tls, b.vfs, name, file+handleSize, flags, outFlags)
	if at[sqlite3.Tsqlite3_file](file+handleSize).FpMethods != 0 {
		h.methods, h.id = b.methods, disks().opened(&fileOn{disk: d, name: short})
	}
	return rc
}

func remove(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	b, v := below(vfs)
	d, short := disks().find(libc.GoString(name))
	c := call{kind: kindDelete, file: short, size: int64(syncDir)}
	if d != nil && d.happens(&c) != None {
		return sqlite3.SQLITE_IOERR_DELETE
	}
	rc := function[fnDelete](v.FxDelete)(tls, b.vfs, name, syncDir)
	if d != nil && rc == sqlite3.SQLITE_OK {
		d.done(c)
	}
	return rc
}

// inner returns the address of the file that does the work, and its methods.
func inner(file uintptr) (uintptr, *sqlite3.Tsqlite3_io_methods) {
	address := file + handleSize
	return address, at[sqlite3.Tsqlite3_io_methods](at[sqlite3.Tsqlite3_file](address).FpMethods)
}

func owner(file uintptr) *fileOn { return disks().file(at[handle](file).id) }
