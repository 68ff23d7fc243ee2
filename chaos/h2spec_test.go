package chaos_test

import (
	"encoding/xml"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestH2spec is point 3 of issue 5: h2spec finds nothing at mintage gateway that
// it does not find at a bare net/http server with the same backend behind it.
func TestH2spec(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	if out, err := exec.CommandContext(t.Context(), "../scripts/tool", "h2spec", "--version").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	})
	backend := httptest.NewServer(answer)
	t.Cleanup(backend.Close)
	bare := httptest.NewUnstartedServer(answer)
	bare.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	bare.Config.Protocols = new(http.Protocols)
	bare.Config.Protocols.SetHTTP1(true)
	bare.Config.Protocols.SetUnencryptedHTTP2(true)
	bare.Start()
	t.Cleanup(bare.Close)
	g := newRunningGateway(t, backend.URL)
	var ours, theirs map[string]bool
	var total int
	var both sync.WaitGroup
	both.Go(func() { ours, total = h2spec(t, g.addr, time.Second) })
	both.Go(func() { theirs, _ = h2spec(t, bare.Listener.Addr().String(), time.Second) })
	both.Wait()
	if total < 140 {
		t.Fatalf("h2spec ran %d cases", total)
	}
	worse := func(found map[string]bool) (all []string) {
		for name := range found {
			if !theirs[name] {
				all = append(all, name)
			}
		}
		return all
	}
	// net/http closes a connection a second after the last word on it, so one
	// second is enough on a quiet machine alone: what fails has more time.
	for _, patience := range []time.Duration{3 * time.Second, 10 * time.Second} {
		found := worse(ours)
		if len(found) == 0 {
			break
		}
		again, _ := h2spec(t, g.addr, patience, sections(found)...)
		maps.DeleteFunc(ours, func(name string, _ bool) bool { return slices.Contains(found, name) && !again[name] })
	}
	if found := worse(ours); len(found) > 0 {
		t.Errorf("the gateway fails where net/http does not: %q", found)
	}
	t.Logf("of %d cases of h2spec the gateway fails %d and net/http %d: %q", total, len(ours), len(theirs), slices.Sorted(maps.Keys(theirs)))
}

// sections are where cases stand, such as http2/5.1.
func sections(cases []string) (all []string) {
	for _, name := range cases {
		section, _, _ := strings.Cut(name, " ")
		all = append(all, section)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// h2spec returns the cases that a server without TLS fails, and how many there
// are, of all sections or some. It waits so many whole seconds for each answer.
func h2spec(t *testing.T, addr string, patience time.Duration, only ...string) (failed map[string]bool, total int) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Error(err)
		return nil, 0
	}
	file := filepath.Join(t.TempDir(), "report.xml")
	args := append([]string{"h2spec", "-h", host, "-p", port, "-o", strconv.Itoa(int(patience.Seconds())), "-j", file}, only...)
	cmd := exec.CommandContext(t.Context(), "../scripts/tool", args...)
	out, err := cmd.CombinedOutput() // it fails when a case does
	data, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Errorf("%v, %v\n%s", err, readErr, out)
		return nil, 0
	}
	var report struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Name    string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &report); err != nil {
		t.Errorf("%v\n%s", err, data)
	}
	failed = map[string]bool{}
	for _, s := range report.Suites {
		for _, c := range s.Cases {
			total++
			if c.Failure != nil || c.Error != nil {
				failed[c.Package+" "+c.Name] = true
			}
		}
	}
	return failed, total
}
