package profile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage/internal/profile"
)

func dirs(t *testing.T) profile.Dirs {
	t.Helper()
	return profile.DirsOf(func(string) string { return "" }, t.TempDir())
}

func TestDirs(t *testing.T) {
	t.Parallel()
	env := map[string]string{"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "relative"}
	got := profile.DirsOf(func(name string) string { return env[name] }, "/home/ada")
	if want := (profile.Dirs{Config: "/c/mintage", State: "/home/ada/.local/state/mintage"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	d := dirs(t)
	if f, err := d.Read(); err != nil || f.Default != "" || len(f.Profiles) != 0 {
		t.Errorf("no file: %+v, %v", f, err)
	}
	text := "# my servers\ndefault: prod\nprofiles:\n  prod: {url: https://admin.example/, tenant: hotel}\n  home: {credentials_file: /x/admin.json}\n"
	want := &profile.File{Default: "prod", Profiles: map[string]profile.Profile{
		"prod": {URL: "https://admin.example", Tenant: "hotel"}, "home": {CredentialsFile: "/x/admin.json"},
	}}
	got, err := profile.Parse("config.yaml", []byte(text))
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v: %s", err, cmp.Diff(want, got))
	}
	for bad, say := range map[string]string{
		"defaults: x\n":                            `config.yaml:1:1: unknown key defaults`,
		"default: ../x\n":                          "a profile has a name",
		"profiles: {a/b: {}}\n":                    "a profile has a name",
		"profiles: {a: {url: http://far.example}}": "use https",
		"profiles: {a: {url: far.example}}":        "write the URL",
		"profiles: {a: {token: x}}":                "unknown key token",
		"- a\n":                                    "an object is expected",
	} {
		if _, err := profile.Parse("config.yaml", []byte(bad)); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: got %v, want %q", bad, err, say)
		}
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	d := dirs(t)
	if err := d.Keep("prod", "https://admin.example"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.ConfigFile(), []byte("# mine\ndefault: prod # the usual\nprofiles:\n  prod:\n    url: https://admin.example\n    tenant: hotel\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Keep("home", "http://127.0.0.1:9401"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(d.ConfigFile())
	want := "# mine\ndefault: home # the usual\nprofiles:\n  prod:\n    url: https://admin.example\n    tenant: hotel\n  home:\n    url: http://127.0.0.1:9401\n"
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(d.Config, ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(d.ConfigFile(), []byte("profiles: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Keep("home", "http://127.0.0.1:9401"); err == nil {
		t.Error("a file that cannot be read was replaced")
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	d := dirs(t)
	if _, err := d.Session("prod"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no session: %v", err)
	}
	s := &profile.Session{
		URL: "https://admin.example", Token: "mint_sess_x", Email: "ada@example.com", Tenant: "mintage", Expires: time.Unix(1_800_000_000, 0).UTC(),
	}
	for range 2 { // over what is there
		if err := d.WriteSession("prod", s); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Session("prod")
	if err != nil || !cmp.Equal(got, s) {
		t.Errorf("got %+v, %v", got, err)
	}
	info, err := os.Stat(d.SessionFile("prod"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("CL-12: mode %v, %v", info.Mode(), err)
	}
	if strings.Contains(s.LogValue().String(), s.Token) {
		t.Error("AD-14: the token shows in a log")
	}
	if err := os.Chmod(d.SessionFile("prod"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Session("prod"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("one that others can read: %v", err)
	}
	if err := d.ForgetSession("prod"); err != nil {
		t.Error(err)
	}
	if err := d.ForgetSession("prod"); err != nil {
		t.Errorf("twice: %v", err)
	}
	for _, bad := range []string{"", "../x", "a/b", ".hidden", strings.Repeat("x", 64)} {
		if err := d.WriteSession(bad, s); err == nil {
			t.Errorf("the name %q was taken", bad)
		}
		if err := d.ForgetSession(bad); err == nil {
			t.Errorf("the name %q was forgotten", bad)
		}
	}
	s.URL = "http://far.example"
	if err := d.WriteSession("prod", s); err == nil {
		t.Error("a session over plain http was kept")
	}
	if err := os.WriteFile(d.SessionFile("home"), []byte(`{"url":"https://x.example"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Session("home"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a session: %v", err)
	}
}

// What parses says the same when it is kept once more.
func FuzzParse(f *testing.F) {
	f.Add("default: prod\nprofiles:\n  prod: {url: https://admin.example, tenant: hotel}\n")
	f.Add("profiles: {a: {url: http://localhost:9401}}")
	f.Add("default: [")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := profile.Parse("config.yaml", []byte(text))
		if err != nil {
			if got != nil {
				t.Error("a file that is wrong says something")
			}
			return
		}
		for name, p := range got.Profiles {
			if profile.CheckName(name) != nil || p.URL != "" && profile.CheckURL(p.URL) != nil {
				t.Errorf("%q: %+v", name, p)
			}
		}
	})
}
