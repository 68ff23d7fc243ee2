package examples_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary builds mintage once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mintage-examples-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "mintage")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/mintage").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// example is a copy of one folder with a server of its own behind it.
type example struct {
	t    *testing.T
	dir  string
	base string
	env  []string
	// restart stops the server and starts it again after a while.
	restart func(after time.Duration)
}

// start copies a folder, starts mintage serve and applies the folder's
// tenants.yaml, twice.
func start(t *testing.T, folder string, secrets ...string) *example {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ex := &example{t: t, dir: t.TempDir()}
	if err := os.CopyFS(ex.dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	ex.base = "http://" + addr
	state := filepath.Join(ex.dir, "tenants.yaml")
	text, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("http://127.0.0.1:9400"), []byte(ex.base))
	if err := os.WriteFile(state, text, 0o600); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	admin := freeAddress(t)
	stop := ex.serve(bin, data, addr, admin)
	ex.restart = func(after time.Duration) {
		stop()
		<-time.NewTimer(after).C
		stop = ex.serve(bin, data, addr, admin)
	}
	ex.env = append(os.Environ(), "BASE="+ex.base, "MINTAGE_CREDENTIALS_FILE="+filepath.Join(data, "admin.json"),
		"PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"), "PYTHON=/usr/bin/python3", "NO_PROXY=127.0.0.1")
	ex.env = append(ex.env, secrets...)
	ex.run("mintage", "apply", "-f", "tenants.yaml", "--yes")
	if out := ex.run("mintage", "apply", "-f", "tenants.yaml", "--yes"); !strings.Contains(out, "no changes") {
		t.Errorf("the second apply of the same file said %q", out)
	}
	return ex
}

// run runs a program in the copy of the folder and returns what it printed.
func (ex *example) run(name string, args ...string) string {
	ex.t.Helper()
	cmd := exec.CommandContext(ex.t.Context(), "env", append([]string{name}, args...)...)
	cmd.Dir, cmd.Env = ex.dir, ex.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		ex.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// request runs the folder's request.sh and returns the JSON documents that it
// printed.
func (ex *example) request() []object {
	ex.t.Helper()
	var docs []object
	out := ex.run("sh", "request.sh")
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err == io.EOF {
			return docs
		} else if err != nil {
			ex.t.Fatalf("%v in\n%s", err, out)
		}
		docs = append(docs, parse(ex.t, raw))
	}
}

// object is a JSON object with the order of its members.
type object struct {
	names  []string
	values map[string]any
}

func parse(t *testing.T, raw []byte) object {
	t.Helper()
	o := object{values: map[string]any{}}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		o.names = append(o.names, name.(string))
		o.values[name.(string)] = v
	}
	return o
}

// has fails unless o has exactly the named members, in this order.
func (o object) has(t *testing.T, names ...string) {
	t.Helper()
	if !reflect.DeepEqual(o.names, names) {
		t.Errorf("got members %v, want %v", o.names, names)
	}
}

// is fails unless a member has a value.
func (o object) is(t *testing.T, name string, want any) {
	t.Helper()
	if got := o.values[name]; !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %v (%T), want %v", name, got, got, want)
	}
}

// decode returns the header and the claims of a JWT.
func decode(t *testing.T, token any) (header, claims object) {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	if len(parts) != 3 {
		t.Fatalf("%v is no JWT", token)
	}
	var docs [2]object
	for i := range docs {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		docs[i] = parse(t, raw)
	}
	return docs[0], docs[1]
}

// TestSeed000 runs options A and B of the hotel PMS.
func TestSeed000(t *testing.T) {
	t.Parallel()
	ex := start(t, "seed-000-pms")
	answers := ex.request()
	if len(answers) != 2 {
		t.Fatalf("%d answers, want one for each option", len(answers))
	}
	for _, a := range answers {
		a.has(t, "access_token", "expires_in", "token_type")
		a.is(t, "expires_in", 3600.0)
		a.is(t, "token_type", "Bearer")
		_, claims := decode(t, a.values["access_token"])
		claims.is(t, "scope", "reservation/checkin reservation/read")
	}
	if info, err := os.Stat(filepath.Join(ex.dir, "client.env")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("client.env: %v %v, want mode 0600", info.Mode(), err)
	}
}

// TestSeed001 compares the token with the one that the document prints, member
// by member.
func TestSeed001(t *testing.T) {
	t.Parallel()
	const secret = "1exampleofasecretthatcognitomade0123456789abcdefghij"
	ex := start(t, "seed-001-otto", "OTTO_SECRET="+secret)
	before := time.Now().Unix()
	answers := ex.request()
	if len(answers) != 1 {
		t.Fatalf("%d answers, want 1", len(answers))
	}
	a := answers[0]
	a.has(t, "access_token", "expires_in", "token_type")
	a.is(t, "expires_in", 3600.0)
	a.is(t, "token_type", "Bearer")
	header, claims := decode(t, a.values["access_token"])
	header.has(t, "kid", "alg")
	header.is(t, "alg", "RS256")
	claims.has(t, "sub", "token_use", "scope", "auth_time", "iss", "exp", "iat", "version", "jti", "client_id")
	claims.is(t, "sub", "6c2n38q2q1pid03vtjuk5md3k1")
	claims.is(t, "client_id", "6c2n38q2q1pid03vtjuk5md3k1")
	claims.is(t, "token_use", "access")
	claims.is(t, "scope", "otto-dev-api-resource-server/api.read otto-dev-api-resource-server/api.write")
	claims.is(t, "iss", ex.base)
	claims.is(t, "version", 2.0)
	iat := claims.values["iat"].(float64)
	claims.is(t, "auth_time", iat)
	claims.is(t, "exp", iat+3600)
	if int64(iat) < before || int64(iat) > time.Now().Unix() {
		t.Errorf("iat is %v, and it is %v now", iat, time.Now().Unix())
	}
	if jti, _ := claims.values["jti"].(string); !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(jti) {
		t.Errorf("jti %q is no UUID", jti)
	}
}

// TestSeed002 asks sandbox and production with a JSON body and *.
func TestSeed002(t *testing.T) {
	t.Parallel()
	ex := start(t, "seed-002-myparcel", "MYPARCEL_SECRET=QgKgOXOwCvffUbMJKD4Lu21sZAmvw1pHGpKv1Zb6OdXBn2rkDLcyKz0JYSsFitIw")
	sandbox := ex.base
	for _, issuer := range []string{sandbox, sandbox + "/production"} {
		ex.env = append(ex.env, "BASE="+issuer)
		answers := ex.request()
		if len(answers) != 1 {
			t.Fatalf("%d answers, want 1", len(answers))
		}
		a := answers[0]
		a.has(t, "token_type", "expires_in", "access_token")
		a.is(t, "token_type", "Bearer")
		a.is(t, "expires_in", 86400.0)
		header, claims := decode(t, a.values["access_token"])
		header.is(t, "typ", "JWT")
		header.is(t, "alg", "RS256")
		claims.is(t, "iss", issuer)
		claims.is(t, "scope", "files.show shipments.manage shipments.show")
		claims.is(t, "scopes", []any{"files.show", "shipments.manage", "shipments.show"})
		claims.is(t, "exp", claims.values["iat"].(float64)+86400)
	}
}

// TestSeed003 sends everything in the query and asks what the token is.
func TestSeed003(t *testing.T) {
	t.Parallel()
	ex := start(t, "seed-003-sessionm", "SESSIONM_SECRET=my_client_secret")
	answers := ex.request()
	if len(answers) != 1 {
		t.Fatalf("%d answers, want 1", len(answers))
	}
	a := answers[0]
	a.has(t, "access_token", "token_type", "expires_in", "scope", "created_at")
	a.is(t, "token_type", "bearer")
	a.is(t, "expires_in", 1209600.0)
	a.is(t, "scope", "openid")
	if at := a.values["created_at"].(float64); time.Since(time.Unix(int64(at), 0)).Abs() > 5*time.Second {
		t.Errorf("created_at is %v", at)
	}
	token, _ := a.values["access_token"].(string)
	if !regexp.MustCompile(`^[0-9a-f]{40,}$`).MatchString(token) {
		t.Errorf("the token %q is not lower-case hex", token)
	}
	out := ex.run("curl", "-sS", "-u", "my_client_id:my_client_secret", "-d", "token="+token, ex.base+"/oauth2/introspect")
	parse(t, []byte(out)).is(t, "active", true)
}

// TestSeed004 runs our samples, then those of the document as they are printed
// there with nothing but the placeholders filled in.
func TestSeed004(t *testing.T) {
	t.Parallel()
	ex := start(t, "seed-004-saas")
	out := ex.run("sh", "request.sh")
	if n := strings.Count(out, "Access Token: ey"); n != 2 {
		t.Errorf("request.sh printed %q, want two tokens", out)
	}
	for program, sample := range seedSamples(t, ex) {
		cmd := exec.CommandContext(t.Context(), strings.Fields(program)[0], strings.Fields(program)[1:]...)
		cmd.Env, cmd.Stdin = ex.env, strings.NewReader(sample)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "Access Token: ey") {
			t.Errorf("%s: %v %s", program, err, out)
		}
	}
}

// seedSamples returns the two samples of seed 004, filled in, by the program
// that runs them.
func seedSamples(t *testing.T, ex *example) map[string]string {
	t.Helper()
	paths, _ := filepath.Glob("../../shared/seeds/004_*.txt")
	if len(paths) != 1 {
		if os.Getenv("CI") == "true" {
			t.Fatal("../shared/seeds is not there")
		}
		t.Log("without ../shared/seeds the document's own samples are not run")
		return nil
	}
	doc, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	credentials := ex.credentials()
	fill := strings.NewReplacer("Your-Client-ID", credentials["MINTAGE_CLIENT_ID"],
		"Your-Client-Secret", credentials["MINTAGE_CLIENT_SECRET"], "'auth_url'", "'"+ex.base+"/oauth2/token'")
	blocks := regexp.MustCompile("(?s)```jsx \n(.*?)\n *```").FindAllSubmatch(doc, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d samples in the document, want 2", len(blocks))
	}
	return map[string]string{
		"/usr/bin/python3 -":       fill.Replace(string(blocks[0][1])),
		"node --input-type=module": fill.Replace(string(blocks[1][1])),
	}
}

// TestEveryFolder holds that each folder is in README.md and has a test here.
func TestEveryFolder(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("examples_test.go")
	if err != nil {
		t.Fatal(err)
	}
	folders, _ := filepath.Glob("*/tenants.yaml")
	if len(folders) < 5 {
		t.Errorf("%d folders, want the five seeds", len(folders))
	}
	for _, f := range folders {
		name := filepath.Dir(f)
		if !bytes.Contains(readme, []byte("]("+name+")")) {
			t.Errorf("%s is not in README.md", name)
		}
		if !bytes.Contains(source, []byte(`start(t, "`+name+`"`)) {
			t.Errorf("%s has no test", name)
		}
	}
}
