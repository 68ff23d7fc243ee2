package sqlstore_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a migration may say. The release before must run on the schema after it,
// without having heard of it: it reads by the names of columns, inserts without
// the new ones, and deletes what it may delete.
var (
	comment    = regexp.MustCompile(`--[^\n]*`)
	newTable   = regexp.MustCompile(`(?is)^CREATE TABLE (\w+) \((.*)\)(?: \{clustered\})?$`)
	newIndex   = regexp.MustCompile(`(?is)^CREATE (UNIQUE )?INDEX \w+ ON (\w+) \(`)
	newColumn  = regexp.MustCompile(`(?is)^ALTER TABLE (\w+) ADD COLUMN \w+ (?:\{\w+\}|BIGINT|BOOLEAN)(.*)$`)
	firstRows  = regexp.MustCompile(`(?is)^INSERT INTO (\w+) `)
	reference  = regexp.MustCompile(`(?i)REFERENCES (\w+) \([^)]*\)( ON DELETE CASCADE)?`)
	narrowing  = regexp.MustCompile(`(?i)\b(UNIQUE|CHECK|PRIMARY KEY|REFERENCES|GENERATED)\b`)
	hasDefault = regexp.MustCompile(`(?i)\bDEFAULT\b`)
	notNull    = regexp.MustCompile(`(?i)\bNOT NULL\b`)
)

// holding are references by which a row of a newer table holds one of an older
// table, which the release before then cannot delete, with the reason why that
// is right.
var holding = map[string]string{
	"organization_grants resource_servers": "what an organization may grant is in use; the release before answers a conflict, as for grants of clients",
}

// notAdditive returns what is wrong with a migration. Made is by which migration
// each table was made, to which it adds.
func notAdditive(version, script string, made map[string]string) (wrong []string) {
	refuse := func(statement, why string) {
		wrong = append(wrong, fmt.Sprintf("%s: %.60q: %s", version, strings.Join(strings.Fields(statement), " "), why))
	}
	older := func(table string) bool { return cmp.Or(made[table], version) != version }
	for statement := range strings.SplitSeq(comment.ReplaceAllString(script, ""), ";") {
		statement = strings.TrimSpace(statement)
		if statement == "" {
			continue
		}
		if m := newTable.FindStringSubmatch(statement); m != nil {
			if made[m[1]] != "" {
				refuse(statement, "the table is there already")
			}
			made[m[1]] = version
			for _, to := range reference.FindAllStringSubmatch(m[2], -1) {
				if older(to[1]) && to[2] == "" && holding[m[1]+" "+to[1]] == "" {
					refuse(statement, "its rows keep the release before from deleting those of "+to[1])
				}
			}
			continue
		}
		if m := newIndex.FindStringSubmatch(statement); m != nil {
			if m[1] != "" && older(m[2]) {
				refuse(statement, "the release before may write what is not unique")
			}
			continue
		}
		if m := newColumn.FindStringSubmatch(statement); m != nil {
			switch {
			case narrowing.MatchString(m[2]):
				refuse(statement, "the release before does not know the rule")
			case notNull.MatchString(m[2]) && !hasDefault.MatchString(m[2]):
				refuse(statement, "the release before inserts without it")
			}
			continue
		}
		if m := firstRows.FindStringSubmatch(statement); m != nil && made[m[1]] == version {
			continue
		}
		refuse(statement, "a migration makes tables, indexes and columns and nothing else")
	}
	return wrong
}

// TestMigrationsOnlyAdd is R15 of the fault plan: no migration drops, renames or
// tightens what the release before uses.
func TestMigrationsOnlyAdd(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d migrations (%v)", len(files), err)
	}
	slices.Sort(files)
	made, numbers := map[string]string{}, map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if number, _, _ := strings.Cut(name, "_"); numbers[number] != "" {
			t.Errorf("%s and %s have one number", numbers[number], name)
		} else {
			numbers[number] = name
		}
		for _, why := range notAdditive(name, string(text), made) {
			t.Error(why)
		}
	}
	t.Logf("%d migrations, %d tables", len(files), len(made))
}

// TestNotAdditive shows what the rule finds.
func TestNotAdditive(t *testing.T) {
	t.Parallel()
	for _, statement := range []string{
		`DROP TABLE clients`,
		`ALTER TABLE clients DROP COLUMN name`,
		`ALTER TABLE clients RENAME TO customers`,
		`ALTER TABLE clients RENAME COLUMN name TO title`,
		`ALTER TABLE clients ALTER COLUMN name SET NOT NULL`,
		`ALTER TABLE clients ADD COLUMN x {text} NOT NULL`,
		`ALTER TABLE clients ADD COLUMN x {text} UNIQUE`,
		`ALTER TABLE clients ADD COLUMN x BIGINT CHECK (x > 0)`,
		`ALTER TABLE clients ADD CONSTRAINT x CHECK (name <> '')`,
		`CREATE UNIQUE INDEX x ON clients (name)`,
		`CREATE TABLE y (a {text} REFERENCES clients (id))`,
		`CREATE TABLE clients (a {text})`,
		`CREATE TRIGGER x BEFORE INSERT ON clients BEGIN SELECT 1`,
		`UPDATE clients SET name = ''`,
		`DELETE FROM clients`,
		`INSERT INTO clients (id) VALUES ('a')`,
		`DROP INDEX clients_name`,
	} {
		if notAdditive("002", "-- why\n"+statement+";\n", map[string]string{"clients": "001"}) == nil {
			t.Errorf("%s was let through", statement)
		}
	}
	for _, statement := range []string{
		`CREATE TABLE y (a {text} NOT NULL PRIMARY KEY, b {text} REFERENCES clients (id) ON DELETE CASCADE, c {text} UNIQUE)`,
		`ALTER TABLE clients ADD COLUMN x {text} NOT NULL DEFAULT ''`,
		`ALTER TABLE clients ADD COLUMN x BIGINT`,
		`CREATE INDEX x ON clients (name) WHERE name <> ''`,
	} {
		if wrong := notAdditive("002", statement, map[string]string{"clients": "001"}); wrong != nil {
			t.Errorf("refused: %v", wrong)
		}
	}
}
