//go:build linux

package sqlfault

import (
	"slices"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// The types of SQLite's sqlite3_io_methods.
type (
	fnFile  = func(tls *libc.TLS, file uintptr) int32
	fnBytes = func(tls *libc.TLS, file, buffer uintptr, n int32, off int64) int32
	fnSize  = func(tls *libc.TLS, file uintptr, size int64) int32
	fnFlags = func(tls *libc.TLS, file uintptr, flags int32) int32
	fnOut   = func(tls *libc.TLS, file, out uintptr) int32
	fnOp    = func(tls *libc.TLS, file uintptr, op int32, arg uintptr) int32
	fnMap   = func(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32
	fnLock  = func(tls *libc.TLS, file uintptr, off, n, flags int32) int32
	fnVoid  = func(tls *libc.TLS, file uintptr)
	fnFetch = func(tls *libc.TLS, file uintptr, off int64, n int32, out uintptr) int32
	fnGive  = func(tls *libc.TLS, file uintptr, off int64, p uintptr) int32
)

func closeFile(tls *libc.TLS, file uintptr) int32 {
	next, m := inner(file)
	rc := function[fnFile](m.FxClose)(tls, next)
	disks().closed(at[handle](file).id)
	return rc
}

func read(tls *libc.TLS, file, buffer uintptr, n int32, off int64) int32 {
	f := owner(file)
	if f.disk.happens(&call{kind: kindRead, file: f.name, off: off}) != None {
		return sqlite3.SQLITE_IOERR_READ
	}
	next, m := inner(file)
	return function[fnBytes](m.FxRead)(tls, next, buffer, n, off)
}

func write(tls *libc.TLS, file, buffer uintptr, n int32, off int64) int32 {
	f := owner(file)
	data := unsafe.Slice(at[byte](buffer), n) // #nosec G103 -- SQLite's buffer, for the time of the call
	c := call{kind: kindWrite, file: f.name, off: off, data: data}
	next, m := inner(file)
	do := function[fnBytes](m.FxWrite)
	switch f.disk.happens(&c) {
	case IOError, SyncLost:
		return sqlite3.SQLITE_IOERR_WRITE
	case NoSpace:
		return sqlite3.SQLITE_FULL
	case Torn:
		if rc := do(tls, next, buffer, n/2, off); rc == sqlite3.SQLITE_OK {
			c.data = slices.Clone(data[:n/2])
			f.disk.done(c)
		}
		return sqlite3.SQLITE_IOERR_WRITE
	case None:
	}
	rc := do(tls, next, buffer, n, off)
	if rc == sqlite3.SQLITE_OK {
		f.disk.done(c)
	}
	return rc
}

func truncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f := owner(file)
	c := call{kind: kindTruncate, file: f.name, size: size}
	if f.disk.happens(&c) != None {
		return sqlite3.SQLITE_IOERR_TRUNCATE
	}
	next, m := inner(file)
	rc := function[fnSize](m.FxTruncate)(tls, next, size)
	if rc == sqlite3.SQLITE_OK {
		f.disk.done(c)
	}
	return rc
}

// syncFile does not bring anything to the real disk: who records knows what
// would have been there, and who makes calls fail does not look.
func syncFile(_ *libc.TLS, file uintptr, _ int32) int32 {
	f := owner(file)
	c := call{kind: kindSync, file: f.name}
	switch f.disk.happens(&c) {
	case SyncLost:
		f.disk.lost(f.name)
		return sqlite3.SQLITE_IOERR_FSYNC
	case IOError, NoSpace, Torn:
		return sqlite3.SQLITE_IOERR_FSYNC
	case None:
	}
	f.disk.done(c)
	return sqlite3.SQLITE_OK
}

// The rest is passed on.

func fileSize(tls *libc.TLS, file, out uintptr) int32 {
	next, m := inner(file)
	return function[fnOut](m.FxFileSize)(tls, next, out)
}

func lock(tls *libc.TLS, file uintptr, level int32) int32 {
	next, m := inner(file)
	return function[fnFlags](m.FxLock)(tls, next, level)
}

func unlock(tls *libc.TLS, file uintptr, level int32) int32 {
	next, m := inner(file)
	return function[fnFlags](m.FxUnlock)(tls, next, level)
}

func checkReservedLock(tls *libc.TLS, file, out uintptr) int32 {
	next, m := inner(file)
	return function[fnOut](m.FxCheckReservedLock)(tls, next, out)
}

func fileControl(tls *libc.TLS, file uintptr, op int32, arg uintptr) int32 {
	next, m := inner(file)
	return function[fnOp](m.FxFileControl)(tls, next, op, arg)
}

func sectorSize(tls *libc.TLS, file uintptr) int32 {
	next, m := inner(file)
	return function[fnFile](m.FxSectorSize)(tls, next)
}

func deviceCharacteristics(tls *libc.TLS, file uintptr) int32 {
	next, m := inner(file)
	return function[fnFile](m.FxDeviceCharacteristics)(tls, next)
}

func shmMap(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32 {
	next, m := inner(file)
	return function[fnMap](m.FxShmMap)(tls, next, region, size, extend, out)
}

func shmLock(tls *libc.TLS, file uintptr, off, n, flags int32) int32 {
	next, m := inner(file)
	return function[fnLock](m.FxShmLock)(tls, next, off, n, flags)
}

func shmBarrier(tls *libc.TLS, file uintptr) {
	next, m := inner(file)
	function[fnVoid](m.FxShmBarrier)(tls, next)
}

func shmUnmap(tls *libc.TLS, file uintptr, remove int32) int32 {
	next, m := inner(file)
	return function[fnFlags](m.FxShmUnmap)(tls, next, remove)
}

func fetch(tls *libc.TLS, file uintptr, off int64, n int32, out uintptr) int32 {
	next, m := inner(file)
	return function[fnFetch](m.FxFetch)(tls, next, off, n, out)
}

func unfetch(tls *libc.TLS, file uintptr, off int64, p uintptr) int32 {
	next, m := inner(file)
	return function[fnGive](m.FxUnfetch)(tls, next, off, p)
}
