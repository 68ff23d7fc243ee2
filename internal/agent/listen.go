package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// listen opens the listeners of c.
func listen(ctx context.Context, c *Config) (all []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
			all = nil
		}
	}()
	for _, addr := range c.Listen {
		var ln net.Listener
		if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
			ln, err = listenUnix(ctx, path, len(c.AllowUIDs) > 0)
		} else {
			ln, err = new(net.ListenConfig).Listen(ctx, "tcp", addr)
			if err == nil && !c.DangerListenBeyondLoopback && !loopback(ln.Addr().String()) { // localhost may resolve to anything
				_ = ln.Close()
				err = fmt.Errorf("%s resolves to %s, which other machines reach", addr, ln.Addr())
			}
		}
		if err != nil {
			return all, fmt.Errorf("listen: %w", err)
		}
		all = append(all, ln)
	}
	return all, nil
}

func closeAll(all []net.Listener) {
	for _, ln := range all {
		_ = ln.Close()
	}
}

// listenUnix opens a Unix socket. One that nobody listens on any more is
// replaced; anything else at path is left alone.
func listenUnix(ctx context.Context, path string, others bool) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("%s exists and is no socket: it was left alone", path)
	default:
		c, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			_ = c.Close()
			return nil, fmt.Errorf("%s: another process listens there", path)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode(others)); err != nil {
		_ = ln.Close()
		return nil, err
	}
	return ln, nil
}

// socketMode is the mode of a socket. The kernel asks for the right to write;
// who of all may is then the guard's to say.
func socketMode(others bool) os.FileMode { //nolint:revive // whether other users may
	if others {
		return 0o666
	}
	return 0o600
}

// openToOthers gives the sockets that are open the mode that c wants.
func openToOthers(c *Config, all []net.Listener) (err error) {
	for _, ln := range all {
		if ln.Addr().Network() == "unix" {
			err = errors.Join(err, os.Chmod(ln.Addr().String(), socketMode(len(c.AllowUIDs) > 0)))
		}
	}
	return err
}
