package agent

import (
	"net"
	"syscall"
)

// peersKnown says that the system tells who is at the other end of a socket.
const peersKnown = true

// peerUID asks the kernel which user opened the other end.
func peerUID(c *net.UnixConn) (uid uint32, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	if err := raw.Control(func(fd uintptr) {
		cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err == nil {
			uid, ok = cred.Uid, true
		}
	}); err != nil {
		return 0, false
	}
	return uid, ok
}
