package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// database is a PostgreSQL server of the test's own, which it may kill.
type database struct {
	t   *testing.T
	bin string // folder of its programs
	dir string
	as  *syscall.Credential // nil: the test's own user
	cmd *exec.Cmd
	set []string // settings, NAME=VALUE
}

// newDatabase makes and starts one. Only its socket listens.
func newDatabase(t *testing.T, settings ...string) *database {
	t.Helper()
	d := emptyDatabase(t)
	d.set = settings
	if out, err := d.command("initdb", "-D", d.data(), "-U", "mintage", "-A", "trust", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	d.start()
	return d
}

// emptyDatabase makes the folder of one.
func emptyDatabase(t *testing.T) *database {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		if ci() {
			t.Fatal("PostgreSQL is not installed: make setup")
		}
		t.Skip("PostgreSQL is not installed: make setup")
	}
	slices.Sort(found)
	dir, err := os.MkdirTemp("", "mintage-chaos-postgres-") //nolint:usetesting // another user has to enter it
	if err != nil {
		t.Fatal(err)
	}
	d := &database{t: t, bin: filepath.Dir(found[len(found)-1]), dir: dir}
	t.Cleanup(func() {
		d.kill()
		_ = os.RemoveAll(dir)
	})
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, gid := number(t, u.Uid), number(t, u.Gid)
		d.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (d *database) data() string { return filepath.Join(d.dir, "data") }

func (d *database) url() string {
	return "postgres://mintage@/postgres?sslmode=disable&host=" + d.dir
}

func (d *database) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(d.bin, name), args...)
	cmd.Dir = d.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.as, Setpgid: true}
	return cmd
}

// start starts the server and waits until it takes connections.
func (d *database) start() {
	d.t.Helper()
	args := []string{"-D", d.data(), "-c", "listen_addresses=", "-c", "unix_socket_directories=" + d.dir}
	for _, setting := range d.set {
		args = append(args, "-c", setting)
	}
	d.cmd = d.command("postgres", args...)
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	for end := time.Now().Add(readyIn); ; {
		if d.command("pg_isready", "-q", "-h", d.dir).Run() == nil {
			return
		}
		if time.Now().After(end) {
			d.t.Fatal("PostgreSQL is not ready")
		}
		time.Sleep(20 * time.Millisecond) // another process, which tells nobody
	}
}

// kill ends all of its processes as a power cut ends them.
func (d *database) kill() {
	if d.cmd == nil || d.cmd.Process == nil {
		return
	}
	// Its children are in groups of their own.
	for _, child := range children(d.cmd.Process.Pid) {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
	d.cmd = nil
	_ = os.Remove(filepath.Join(d.data(), "postmaster.pid"))
}

// children returns the processes that a process started.
func children(pid int) (list []int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	for field := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(field); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// TestKillPostgres is R1 and R11 of the fault plan on PostgreSQL: the server is
// killed in the middle of a mixed load, and every other time the database with
// it, and everything that was acknowledged is there afterwards.
func TestKillPostgres(t *testing.T) {
	d := newDatabase(t)
	s := newServer(t)
	s.env = []string{"MINTAGE_DATABASE_URL=" + d.url()}
	round := 0
	strike := func() {
		s.kill()
		if round++; round%2 == 0 {
			d.kill()
			d.start()
		}
	}
	killRounds(t, s, map[form]int{formShort: 2, formCI: 12, formLong: 200}[theForm()], strike, func() {})
}

// TestDatabaseAway is R6 of the fault plan: while the database is away, a client
// that is known gets JWTs, what needs a row is 503 and never a refusal, and the
// server goes on by itself when it is back.
func TestDatabaseAway(t *testing.T) {
	ctx := t.Context()
	d := newDatabase(t)
	s := newServer(t)
	s.env = []string{"MINTAGE_DATABASE_URL=" + d.url()}
	c := s.ready(t)
	if a := ask(ctx, t, c, pathJWT); a.Status != http.StatusOK {
		t.Fatalf("a token before: %+v", a)
	}
	d.kill()
	for range 20 {
		if a := ask(ctx, t, c, pathJWT); a.Status != http.StatusOK {
			t.Errorf("a JWT while the database is away: %d %s", a.Status, a.Error)
		}
	}
	if a := ask(ctx, t, c, pathStored); a.Status != http.StatusServiceUnavailable || a.Error != "temporarily_unavailable" {
		t.Errorf("a stored token while the database is away: %d %s", a.Status, a.Error)
	}
	d.start()
	began := time.Now()
	for ask(ctx, t, c, pathStored).Status != http.StatusOK {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the server did not go on")
		}
		time.Sleep(50 * time.Millisecond) // another process, which tells nobody
	}
	t.Logf("stored tokens again %v after the database", time.Since(began).Round(time.Millisecond))
	select {
	case <-s.done:
		t.Error("the server ended")
	default:
	}
}

// ask asks for a token as the checker.
func ask(ctx context.Context, t *testing.T, c *callers, path string) answer {
	t.Helper()
	a, err := c.token(ctx, path, checker, checkerSecret)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// must runs one of PostgreSQL's programs.
func (d *database) must(name string, args ...string) {
	d.t.Helper()
	if out, err := d.command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// mkdir makes a folder of the database's own, and touch an empty file.
func (d *database) mkdir(name string) {
	d.t.Helper()
	d.own(filepath.Join(d.dir, name), os.Mkdir(filepath.Join(d.dir, name), 0o700))
}

func (d *database) touch(path string) {
	d.t.Helper()
	d.own(path, os.WriteFile(path, nil, 0o600))
}

func (d *database) own(path string, err error) {
	d.t.Helper()
	if err == nil && d.as != nil {
		err = os.Chown(path, int(d.as.Uid), int(d.as.Gid))
	}
	if err != nil {
		d.t.Fatal(err)
	}
}
