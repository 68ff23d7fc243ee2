package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode"
)

// Keeper wraps the master key with a key that is not ours, such as one in a KMS.
type Keeper interface {
	// Wrap returns one line of printable ASCII, without its end.
	Wrap(ctx context.Context, key []byte) (string, error)
	// Unwrap returns what was wrapped.
	Unwrap(ctx context.Context, wrapped string) ([]byte, error)
}

// Command is a Keeper that runs a program, with the verb wrap or unwrap as its
// last argument. What is wrapped and unwrapped passes by its standard input and
// output and is nowhere else. The program has the environment of this process
// without our own variables.
type Command struct {
	Args    []string      // the program and its arguments; at least one
	Timeout time.Duration // how long it may take; zero: 10 s
}

const (
	commandTimeout = 10 * time.Second
	// commandOutput bounds what is read of a program, in bytes.
	commandOutput = 64 << 10
	// commandWait is how long a program that was told to end may keep its pipes.
	commandWait = time.Second
)

// Wrap implements Keeper.
func (c *Command) Wrap(ctx context.Context, key []byte) (string, error) {
	out, err := c.run(ctx, "wrap", key)
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(string(out), "\r\n")
	if line == "" || strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s wrap did not print one line of printable characters", c.Args[0])
	}
	return line, nil
}

// Unwrap implements Keeper.
func (c *Command) Unwrap(ctx context.Context, wrapped string) ([]byte, error) {
	return c.run(ctx, "unwrap", []byte(wrapped+"\n"))
}

func (c *Command) run(ctx context.Context, verb string, in []byte) ([]byte, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = commandTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Args[0], append(c.Args[1:len(c.Args):len(c.Args)], verb)...) //nolint:gosec // the operator names the program
	cmd.Env = foreignEnviron(os.Environ())
	cmd.Stdin = bytes.NewReader(in)
	cmd.WaitDelay = commandWait
	out, said := &bounded{most: commandOutput}, &bounded{most: commandOutput}
	cmd.Stdout, cmd.Stderr = out, said
	err := cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("%s %s took longer than %v and was ended", c.Args[0], verb, timeout)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w%s", c.Args[0], verb, err, lastLine(said.buffer.Bytes()))
	case out.cut:
		return nil, fmt.Errorf("%s %s printed more than %d bytes", c.Args[0], verb, commandOutput)
	}
	return out.buffer.Bytes(), nil
}

// foreignEnviron drops our own variables: one may hold the password of the
// database.
func foreignEnviron(environ []string) []string {
	kept := make([]string, 0, len(environ))
	for _, kv := range environ {
		if !strings.HasPrefix(kv, "MINTAGE_") {
			kept = append(kept, kv)
		}
	}
	return kept
}

// lastLine returns the last line that a program said of its trouble, short and
// printable, to go on after an error.
func lastLine(said []byte) string {
	const most = 300
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, lines[len(lines)-1])
	if line == "" {
		return ""
	}
	return ": " + line[:min(len(line), most)]
}

// bounded is a buffer that takes so much and drops the rest. It embeds none, whose
// ReadFrom would take all.
type bounded struct {
	buffer bytes.Buffer
	most   int
	cut    bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.buffer.Len(); len(p) > room {
		b.cut = true
		_, _ = b.buffer.Write(p[:room])
		return len(p), nil
	}
	return b.buffer.Write(p)
}
