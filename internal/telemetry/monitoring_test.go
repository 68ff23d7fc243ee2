package telemetry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	monitoring = "../../deploy/monitoring/"
	alertPages = "../../docs/howto/alerts/"
)

var (
	// metricUse is a metric in an expression, with its matchers.
	metricUse = regexp.MustCompile(`\b((?:mintage|http_server|go|process)_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	matcher   = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	sample    = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? `)
	alertName = regexp.MustCompile(`(?m)^      - alert: (\w+)$`)
	runbook   = regexp.MustCompile(`(?m)^          runbook_url: https://github.com/mintage-auth/mintage/blob/main/docs/howto/alerts/([a-z-]+\.md)$`)
)

// knownLabels returns the labels of each metric of all programs.
func knownLabels(t *testing.T) map[string][]string {
	t.Helper()
	text := scrape(t, everything()) + scrapeHandler(t, gatewayMetrics().Handler()) + scrapeHandler(t, agentMetrics().Handler(func() {}))
	known := map[string][]string{}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			known[m[1]] = append(known[m[1]], l[1])
		}
		known[m[1]] = append(known[m[1]], "job", "instance")
	}
	return known
}

// checkMetrics holds that the code has the metrics of an expression, with the
// labels by which it chooses.
func checkMetrics(t *testing.T, where, expr string, known map[string][]string) {
	t.Helper()
	for _, use := range metricUse.FindAllStringSubmatch(expr, -1) {
		labels, ok := known[use[1]]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, use[1])
		}
		for _, l := range matcher.FindAllStringSubmatch(use[2], -1) {
			if !slices.Contains(labels, l[1]) {
				t.Errorf("%s: %s has no label %s, but %q", where, use[1], l[1], labels)
			}
		}
	}
}

// TestRules: promtool accepts the rules and their tests, each rule has a test
// that it fires and one that it does not, its metrics exist, and it has a page
// of its own; and each page has a rule.
func TestRules(t *testing.T) {
	t.Parallel()
	rules, tests := read(t, monitoring+"mintage-rules.yml"), read(t, monitoring+"mintage-rules_test.yml")
	known := knownLabels(t)
	for line := range strings.SplitSeq(rules, "\n") {
		if !strings.Contains(line, "summary:") && !strings.Contains(line, "- alert:") && !strings.HasPrefix(line, "#") {
			checkMetrics(t, "mintage-rules.yml", line, known)
		}
	}
	names, pages := alertName.FindAllStringSubmatch(rules, -1), runbook.FindAllStringSubmatch(rules, -1)
	if len(names) != 8 || len(pages) != len(names) {
		t.Fatalf("%d rules, %d with a page; want 8", len(names), len(pages))
	}
	overview := read(t, alertPages+"README.md")
	for i, name := range names {
		if page := read(t, alertPages+pages[i][1]); !strings.HasPrefix(page, "# "+name[1]+"\n") {
			t.Errorf("%s is not the page of %s", pages[i][1], name[1])
		}
		if !strings.Contains(overview, "["+name[1]+"]("+pages[i][1]+")") {
			t.Errorf("%s is not in the overview of alerts", name[1])
		}
		of := "        alertname: " + name[1] + "\n        exp_alerts:"
		if strings.Count(tests, of+"\n") == 0 || strings.Count(tests, of+" []") == 0 {
			t.Errorf("no test that %s fires, or none that it does not", name[1])
		}
	}
	files, err := filepath.Glob(alertPages + "*.md")
	if err != nil || len(files) != len(names)+1 {
		t.Errorf("%d pages for %d alerts: %v", len(files)-1, len(names), err)
	}
	promtool := promtool(t)
	for _, args := range [][]string{{"check", "rules", "mintage-rules.yml"}, {"test", "rules", "mintage-rules_test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}

// dashboard is what is read of a Grafana dashboard.
type dashboard struct {
	Panels []struct {
		Type, Title, Description string
		Targets                  []struct{ Expr string }
	}
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
	Annotations struct{ List []struct{ Expr string } }
}

// TestDashboard: the dashboard has its rows and panels, each expression of it
// parses, and each metric of it exists.
func TestDashboard(t *testing.T) {
	t.Parallel()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, monitoring+"mintage-overview.json")), &d); err != nil {
		t.Fatal(err)
	}
	known := knownLabels(t)
	exprs := map[string]string{}
	var rows []string
	panels := 0
	for _, p := range d.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		panels++
		if p.Title == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("the panel %q says too little", p.Title)
		}
		for i, target := range p.Targets {
			exprs[fmt.Sprint(p.Title, " ", i)] = target.Expr
		}
	}
	for _, a := range d.Annotations.List {
		exprs["deploys"] = a.Expr
	}
	if want := []string{"Is it working?", "Issue", "Enforce", "Consume"}; !slices.Equal(rows, want) || panels != 18 {
		t.Errorf("%d panels in the rows %q", panels, rows)
	}
	if v := d.Templating.List; len(v) != 2 || v[0].Name != "datasource" || v[1].Name != "tenant" {
		t.Errorf("the variables are %v", v)
	}
	// As recording rules, since promtool parses these without a server.
	var rules bytes.Buffer
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	variables := strings.NewReplacer("$__rate_interval", "5m", "$tenant", ".*")
	for i, where := range slices.Sorted(maps.Keys(exprs)) {
		checkMetrics(t, where, exprs[where], known)
		expr := variables.Replace(exprs[where])
		if strings.Contains(expr, "$") {
			t.Errorf("%s: an unknown variable in %s", where, expr)
		}
		fmt.Fprintf(&rules, "      - record: panel:%d\n        expr: %q\n", i, expr)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool(t), "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
