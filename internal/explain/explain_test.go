package explain_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/explain"
)

// published are the codes that the interface promises, in its order.
const published = `ok param.ignored param.missing param.repeated body.type body.malformed grant.unsupported grant.not_allowed
	client.unknown client.disabled client.other_tenant auth.missing auth.method_not_allowed auth.basic_malformed
	auth.not_urlencoded auth.whitespace auth.two_methods secret.mismatch secret.expired secret.revoked secret.retired
	assertion.expired assertion.replayed assertion.audience assertion.key_unknown assertion.alg cert.missing cert.mismatch
	scope.unknown scope.not_granted scope.empty resource.unknown ip.not_allowed dialect.not_allowed query.credentials
	request.too_large request.method request.not_https dpop.invalid limit.client limit.ip limit.guess store.unavailable
	key.unavailable internal token.missing token.malformed token.expired token.not_yet token.signature token.kid_unknown
	token.issuer token.audience token.scope token.revoked token.other_tenant`

var code = regexp.MustCompile(`^[a-z]+(\.[a-z_]+)?$`)

func TestTable(t *testing.T) {
	t.Parallel()
	var codes, areas []string
	for _, r := range explain.Reasons() {
		if !code.MatchString(r.Code) {
			t.Errorf("%q is no code", r.Code)
		}
		if slices.Contains(codes, r.Code) {
			t.Errorf("%s is there twice", r.Code)
		}
		codes = append(codes, r.Code)
		if area, _, _ := strings.Cut(r.Code, "."); len(areas) == 0 || areas[len(areas)-1] != area {
			if slices.Contains(areas, area) {
				t.Errorf("%s stands apart from its area", r.Code)
			}
			areas = append(areas, area)
		}
		for _, s := range []string{r.Cause, r.Cure} {
			if s == "" && r.Code == "ok" {
				continue
			}
			if !strings.HasSuffix(s, ".") || strings.ContainsAny(s, "\n\"\\") || strings.TrimSpace(s) != s || s == "." {
				t.Errorf("%s: %q is not one sentence with a full stop", r.Code, s)
			}
		}
		if got, ok := explain.Lookup(r.Code); !ok || got != r {
			t.Errorf("Lookup(%q) does not find it", r.Code)
		}
	}
	rest := codes
	for want := range strings.FieldsSeq(published) {
		i := slices.Index(rest, want)
		if i < 0 {
			t.Errorf("%s is missing, or not in its place", want)
			continue
		}
		rest = rest[i+1:]
	}
	if _, ok := explain.Lookup("no.such"); ok {
		t.Error("a reason that does not exist is found")
	}
}

// verbs are the second halves of audit actions, which look like reasons and are
// none: client.create, secret.revoke.
const verbs = "create update delete enable disable add revoke rotate make apply purge bootstrap reset expose overdue"

// members are the second halves of settings, of events of traces and of files
// whose first half is an area too.
const members = "json format alg claims lifetime expires overlap issued refused"

// TestEveryReasonIsExplained looks in the source of the whole module for string
// literals in the form of a reason: any argument or field that makes an oauth
// error, and anything else whose area the table has.
func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	areas := map[string]bool{}
	for _, r := range explain.Reasons() {
		area, _, _ := strings.Cut(r.Code, ".")
		areas[area] = true
	}
	seen := 0
	walk(t, func(fset *token.FileSet, f *ast.File) {
		certain := map[*ast.BasicLit]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			for _, lit := range reasonsIn(n) {
				certain[lit] = true
			}
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			s, err := strconv.Unquote(lit.Value)
			area, detail, dotted := strings.Cut(s, ".")
			maybe := dotted && f.Name.Name != "lint" && // whose rules have codes of their own
				code.MatchString(s) && areas[area] && !slices.Contains(strings.Fields(verbs+" "+members), detail)
			if err != nil || s == "" || !certain[lit] && !maybe {
				return true
			}
			seen++
			if _, ok := explain.Lookup(s); !ok {
				t.Errorf("%v: %q is not in the table of internal/explain", fset.Position(lit.Pos()), s)
			}
			return true
		})
	})
	if seen < 50 {
		t.Errorf("%d reasons found in the source: the search has gone blind", seen)
	}
}

// makers are the functions of oauth whose first argument is a reason.
var makers = []string{
	"InvalidRequest", "InvalidClient", "InvalidClientPost", "UnauthorizedClient", "InvalidScope", "InvalidTarget",
	"InvalidToken", "InvalidDPoPProof", "TemporarilyUnavailable",
}

// reasonsIn returns the literals directly in n that are reasons whatever they
// look like.
func reasonsIn(n ast.Node) []*ast.BasicLit {
	var found []ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		fun := n.Fun
		if sel, ok := fun.(*ast.SelectorExpr); ok {
			fun = sel.Sel
		}
		if name, ok := fun.(*ast.Ident); ok && slices.Contains(makers, name.Name) && len(n.Args) > 0 {
			found = append(found, n.Args[0])
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Reason" {
			found = append(found, n.Value)
		}
	}
	var lits []*ast.BasicLit
	for _, e := range found {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			lits = append(lits, lit)
		}
	}
	return lits
}

func walk(t *testing.T, visit func(*token.FileSet, *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != "../.." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata"):
			return filepath.SkipDir
		case e.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		visit(fset, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewTraceID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^req_[0-9a-hjkmnp-tv-z]{16}$`)
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	last := ""
	for i := range 2000 {
		id := explain.NewTraceID(start.Add(time.Duration(i/2) * time.Millisecond))
		if !form.MatchString(id) {
			t.Fatalf("%q has another form", id)
		}
		if seen[id] {
			t.Fatalf("%q came twice", id)
		}
		seen[id] = true
		if i%2 == 0 {
			if id[:len(id)-6] <= last { // the last six characters are random
				t.Fatalf("%q is not after %q", id, last)
			}
			last = id[:len(id)-6]
		}
	}
}
