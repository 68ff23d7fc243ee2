package mintage_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mintage-auth/mintage"

// layer says what one package may import: ours of this module (a trailing *
// stands for everything below) and theirs of other modules, by prefix.
type layer struct {
	ours   []string
	theirs []string
}

// layers is the layout as a rule; docs/explanation/architecture.md explains it.
// A package that is not listed fails the test, so that the layout cannot grow
// by accident. Third-party modules are listed where their one door is.
var layers = map[string]layer{
	"oauth":               {},
	"docs":                {},
	"internal/strictjson": {},
	"internal/jose":       {ours: []string{"internal/strictjson"}},
	"internal/dpop":       {ours: []string{"internal/jose", "internal/strictjson"}},
	"internal/relay":      {},
	"internal/yamlfile":   {theirs: []string{"go.yaml.in/yaml/v3"}},

	// The three sides never import one another: they meet in oauth, as they do
	// on the wire.
	".":       {ours: []string{"oauth", "internal/jose", "internal/strictjson"}}, // public keys of clients
	"enforce": {ours: []string{"oauth", "internal/dpop", "internal/jose", "internal/strictjson"}},
	"consume": {ours: []string{"oauth", "internal/jose"}},

	// Adapters, each of which imports what it adapts to.
	"consume/grpccreds":    {ours: []string{"consume"}, theirs: []string{"google.golang.org/grpc"}},
	"consume/oauth2source": {ours: []string{"consume"}, theirs: []string{"golang.org/x/oauth2"}},
	"consume/promobserver": {ours: []string{"consume"}, theirs: []string{"github.com/prometheus/client_golang"}},
	"consume/slogobserver": {ours: []string{"consume"}},
	"enforce/grpcauth":     {ours: []string{"oauth", "enforce"}, theirs: []string{"google.golang.org/grpc"}},

	"adminclient":    {ours: []string{".", "oauth"}},
	"internal/store": {ours: []string{"."}},

	"internal/store/storetest":         {ours: []string{".", "oauth", "internal/store"}, theirs: []string{"github.com/google/go-cmp"}},
	"internal/store/sqlstore/sqlfault": {theirs: []string{"modernc.org/sqlite", "modernc.org/libc"}}, // a disk that fails, for tests
	"internal/store/sqlstore": {
		ours:   []string{".", "oauth", "internal/store"},
		theirs: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"},
	},
	"internal/store/sqlstore/sqltest":  {ours: []string{"internal/store/sqlstore"}, theirs: []string{"github.com/jackc/pgx/v5"}},
	"internal/store/sqlstore/sqlscale": {theirs: []string{"github.com/jackc/pgx/v5", "modernc.org/sqlite"}}, // large databases, for tests and measurements
	"internal/keys":                    {ours: []string{".", "internal/jose", "internal/store"}, theirs: []string{"golang.org/x/crypto"}},
	"internal/limit":                   {},
	"internal/secret":                  {ours: []string{".", "oauth", "internal/limit"}, theirs: []string{"golang.org/x/crypto"}},
	"internal/explain":                 {ours: []string{".", "oauth"}},
	"internal/requestlog":              {ours: []string{"."}},
	"internal/replay":                  {ours: []string{".", "internal/store"}},
	"internal/revoke":                  {ours: []string{".", "internal/store"}},
	"internal/linelog":                 {},
	"internal/lastuse":                 {ours: []string{"internal/store"}},
	"internal/usage":                   {ours: []string{".", "internal/store"}},
	"internal/apidoc":                  {},
	"internal/telemetry":               {theirs: []string{"github.com/prometheus/client_golang", "go.opentelemetry.io/otel"}},

	"internal/directory": {ours: []string{".", "oauth", "internal/store", "internal/keys", "internal/revoke"}},
	"internal/mint":      {ours: []string{".", "oauth", "internal/strictjson", "internal/jose", "internal/keys"}},
	"internal/lint":      {ours: []string{"adminclient"}},
	"internal/attack":    {ours: []string{"internal/jose"}},
	"internal/apply":     {ours: []string{".", "oauth", "internal/yamlfile"}},
	"internal/importer":  {ours: []string{".", "oauth", "internal/apply", "internal/secret"}},
	"internal/config":    {ours: []string{".", "internal/yamlfile"}},
	"internal/profile":   {ours: []string{"internal/yamlfile"}},

	"internal/clientkeys": {ours: []string{".", "internal/jose"}},
	"internal/clientauth": {ours: []string{
		".", "oauth", "internal/strictjson", "internal/jose", "internal/secret", "internal/directory", "internal/explain", "internal/limit",
		"internal/clientkeys", "internal/replay",
	}},
	"internal/issue": {ours: []string{
		".", "oauth", "internal/strictjson", "internal/jose", "internal/dpop", "internal/clientauth", "internal/keys", "internal/directory",
		"internal/replay", "internal/revoke", "internal/explain", "internal/secret", "internal/limit",
	}},
	"internal/gateway": {
		ours: []string{
			"oauth", "enforce", "internal/jose", "internal/limit", "internal/relay", "internal/strictjson", "internal/telemetry", "internal/yamlfile",
		},
		theirs: []string{"github.com/envoyproxy/go-control-plane/envoy", "google.golang.org/grpc", "google.golang.org/genproto/googleapis/rpc"},
	},
	"internal/manage": {
		ours: []string{
			".", "oauth", "internal/jose", "internal/store", "internal/keys", "internal/secret", "internal/apply",
		},
		theirs: []string{"golang.org/x/sync"},
	},
	"internal/people": {
		ours:   []string{".", "oauth", "internal/store", "internal/keys", "internal/secret", "internal/limit", "internal/manage"},
		theirs: []string{"github.com/go-webauthn/webauthn", "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"},
	},
	"internal/admin": {
		ours: []string{
			".", "oauth", "adminclient", "enforce", "internal/strictjson", "internal/manage", "internal/apply", "internal/explain",
			"internal/people", "internal/secret", "internal/keys", "internal/directory", "internal/revoke", "internal/usage", "internal/requestlog",
		},
		theirs: []string{"github.com/danielgtaylor/huma/v2"},
	},
	"internal/console": {ours: []string{
		"internal/apidoc", "internal/importer", "internal/people", "internal/secret", "internal/usage",
		".", "oauth", "adminclient", "internal/manage", "internal/explain", "internal/apply", "internal/yamlfile",
	}, theirs: []string{"github.com/piglig/go-qr"}},
	"internal/agent": {
		ours:   []string{"oauth", "consume", "internal/jose", "internal/telemetry", "internal/relay", "internal/yamlfile"},
		theirs: []string{"github.com/fsnotify/fsnotify"},
	},
	"internal/server": {
		ours:   []string{".", "oauth", "enforce", "docs", "internal/*"},
		theirs: []string{"github.com/yuin/goldmark"},
	},
	"internal/hostile": {ours: []string{".", "oauth", "internal/issue", "internal/manage"}},
	"mintagetest": {ours: []string{
		".", "internal/apply", "internal/hostile", "internal/jose", "internal/manage", "internal/secret", "internal/server", "oauth",
	}},
	"bench":         {ours: []string{"bench/limit", "internal/store/sqlstore/sqlscale"}, theirs: []string{"golang.org/x/crypto"}}, // it measures the product from outside
	"bench/limit":   {},
	"bench/turns":   {},
	"bench/agent":   {ours: []string{"bench/turns"}},
	"bench/gateway": {ours: []string{"bench/turns", "oauth", "enforce", "internal/jose"}}, // the endpoint that nginx asks
	"bench/hotpath": {ours: []string{
		"bench/limit", "internal/apply", "internal/linelog", "internal/manage", "internal/secret", "internal/server",
	}},
	"cmd/mintage": {ours: []string{
		".", "oauth", "adminclient", "consume", "enforce", "internal/server", "internal/agent", "internal/config", "internal/apply", "internal/explain",
		"internal/secret", "internal/lint", "internal/attack", "internal/gateway", "internal/jose", "internal/yamlfile", "internal/hostile",
		"internal/linelog", "internal/profile", "internal/importer",
	}, theirs: []string{"github.com/spf13/cobra", "golang.org/x/term", "github.com/itchyny/gojq"}},
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Name, Doc string
	Imports               []string
	GoFiles               []string
}

func TestLayout(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range packages(t) {
		dir := inModule(p.ImportPath)
		if len(p.GoFiles) == 0 {
			continue // tests alone
		}
		seen[dir] = true
		checkPackage(t, dir, p)
	}
	for dir := range layers {
		if !seen[dir] {
			t.Errorf("%s is in the table and not in the tree", dir)
		}
	}
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Doc,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func checkPackage(t *testing.T, dir string, p listed) {
	t.Helper()
	rule, ok := layers[dir]
	if !ok {
		t.Errorf("%s is not in the layout: add it to the table above and to docs/explanation/architecture.md", dir)
		return
	}
	if p.Doc == "" {
		t.Errorf("%s has no package comment", dir)
	}
	for _, imp := range p.Imports {
		host, _, _ := strings.Cut(imp, "/")
		switch {
		case imp == module || strings.HasPrefix(imp, module+"/"):
			if !slices.ContainsFunc(rule.ours, func(r string) bool { return matches(r, inModule(imp)) }) {
				t.Errorf("%s may not import %s", dir, inModule(imp))
			}
		case strings.Contains(host, "."):
			if !slices.ContainsFunc(rule.theirs, func(r string) bool { return imp == r || strings.HasPrefix(imp, r+"/") }) {
				t.Errorf("%s may not import %s, which has its door elsewhere", dir, imp)
			}
		}
	}
}

// TestNoMutableGlobals fails on a function that assigns to a package variable.
// Tables that never change are welcome; state belongs in a struct.
func TestNoMutableGlobals(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	for dir := range layers {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var files []*ast.File
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		for _, f := range files {
			eachAssigned(f, func(id *ast.Ident) {
				if isPackageVariable(id, files) {
					t.Errorf("%v: assigns to package variable %s", fset.Position(id.Pos()), id.Name)
				}
			})
		}
	}
}

// eachAssigned reports the identifier at the root of every left-hand side in
// the functions of f.
func eachAssigned(f *ast.File, report func(*ast.Ident)) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				return true
			}
			for _, left := range n.Lhs {
				if id := rootOf(left); id != nil {
					report(id)
				}
			}
		case *ast.IncDecStmt:
			if id := rootOf(n.X); id != nil {
				report(id)
			}
		}
		return true
	})
}

// rootOf returns x of x.y[z], or nil.
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return x
		default:
			return nil
		}
	}
}

func isPackageVariable(id *ast.Ident, files []*ast.File) bool {
	for _, f := range files {
		if obj := f.Scope.Lookup(id.Name); obj != nil && obj.Kind == ast.Var {
			return id.Obj == nil || id.Obj == obj
		}
	}
	return false
}

func matches(rule, dir string) bool {
	base, all := strings.CutSuffix(rule, "*")
	return rule == dir || all && strings.HasPrefix(dir, base)
}

func inModule(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}
