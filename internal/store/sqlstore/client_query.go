package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// ofClient are the secrets of a row of clients.
const ofClient = `FROM client_secrets AS s WHERE s.tenant = clients.tenant AND s.client = clients.id`

// lasting is said of secrets that are not revoked, and replaced by none.
const lasting = ` AND s.revoked IS NULL AND s.retiring IS NULL`

// clientOrder is what a list of clients is sorted by: an expression, that of an
// index where there is one. A ? stands for the time that decides which secrets
// are live.
type clientOrder struct {
	key    string
	number bool // whether the key is one
	// sum is the key as an aggregate of secrets s, and without what it is for a
	// client that has none; empty: the key is of no secrets.
	sum, without string
}

const never = `9223372036854775807`

var clientOrders = map[store.ClientOrder]clientOrder{
	store.ByClientID: {key: `id`},
	store.ByName:     {key: `lower(name)`},
	store.ByCreated:  {key: `COALESCE(created, 0)`, number: true},
	store.ByLastUsed: {
		key:    `COALESCE((SELECT MAX(s.last_used) ` + ofClient + `), 0)`,
		number: true, sum: `MAX(s.last_used)`, without: `0`,
	},
	store.ByExpires: {
		key:    `COALESCE((SELECT MIN(s.expires) ` + ofClient + lasting + ` AND s.expires > ?), ` + never + `)`,
		number: true, sum: `MIN(CASE WHEN s.expires > ?` + lasting + ` THEN s.expires END)`, without: never,
	},
}

// of returns the key for a query, whose tenant is $1, and what clients are
// joined with for it: the secrets of all at once, unless the query is about few
// clients anyway.
func (o clientOrder) of(q *store.ClientQuery) (key, join string) {
	if o.sum == "" || q.Organization != "" || q.Name != "" || q.ManagedBy != "" {
		return o.key, ""
	}
	return `COALESCE(sums.value, ` + o.without + `)`,
		`LEFT JOIN (SELECT s.client, ` + o.sum + ` AS value FROM client_secrets AS s WHERE s.tenant = $1 GROUP BY s.client) AS sums ON sums.client = clients.id `
}

// FindClients implements store.Clients.
func (s session) FindClients(ctx context.Context, q store.ClientQuery) ([]store.ListedClient, error) {
	text, args, err := s.clientQuery(&q)
	if err != nil {
		return nil, fmt.Errorf("clients: %w", err)
	}
	list, err := all(ctx, s, scanListedClient, text, args...)
	if err == nil {
		err = s.readListedParts(ctx, list)
	}
	if err != nil {
		return nil, fmt.Errorf("clients: %w", err)
	}
	return list, nil
}

// clientQuery is the statement of a query.
func (s session) clientQuery(q *store.ClientQuery) (text string, args []any, err error) {
	w := s.clientFilter(q)
	order, known := clientOrders[q.Order]
	if !known {
		return "", nil, fmt.Errorf("there is no order %q", q.Order)
	}
	key, join := order.of(q)
	if strings.Contains(key+join, "?") {
		w.args = append(w.args, q.Now.Unix())
		key, join = strings.ReplaceAll(key, "?", w.last()), strings.ReplaceAll(join, "?", w.last())
	}
	compare, direction := ">", ""
	if q.Descending {
		compare, direction = "<", " DESC"
	}
	if q.After != (store.ClientMark{}) {
		var from any = q.After.Key
		if order.number {
			if from, err = strconv.ParseInt(q.After.Key, 10, 64); err != nil {
				return "", nil, fmt.Errorf("the key of a mark: %w", err)
			}
		}
		w.args = append(w.args, from, q.After.ID)
		at, id := "$"+strconv.Itoa(len(w.args)-1), w.last()
		// The first term says nothing new, and lets SQLite begin in the middle of
		// an index of an expression.
		w.terms = append(w.terms, key+" "+compare+"= "+at, "("+key+", id) "+compare+" ("+at+", "+id+")")
	}
	w.args = append(w.args, limit(store.Page{Limit: q.Limit}))
	return `SELECT tenant, id, name, organization, disabled, disabled_reason, purge_at, settings,
			authentication, managed_by, version, created, updated, CAST(` + key + ` AS TEXT)
		FROM clients ` + join + w.String() + ` ORDER BY ` + key + direction + `, id` + direction + ` LIMIT ` + w.last(), w.args, nil
}

// clientFilter is the condition of a query.
func (s session) clientFilter(q *store.ClientQuery) *where {
	w := new(where)
	w.add("tenant = ?", q.Tenant)
	if q.Text != "" {
		w.add(`(lower(name) LIKE ? ESCAPE '\' OR lower(id) LIKE ? ESCAPE '\')`, "%"+literal(q.Text)+"%")
	}
	w.text("name = ?", q.Name)
	w.text("organization = ?", q.Organization)
	w.text("managed_by = ?", q.ManagedBy)
	w.text(`EXISTS (SELECT 1 FROM client_grants AS g
		WHERE g.tenant = clients.tenant AND g.client = clients.id AND g.resource_server = ?)`, q.ResourceServer)
	switch q.Status {
	case store.ClientActive:
		w.terms = append(w.terms, "disabled = FALSE")
	case store.ClientDisabled:
		w.terms = append(w.terms, "disabled = TRUE")
	case store.ClientRotating:
		w.add(`EXISTS (SELECT 1 `+ofClient+` AND s.revoked IS NULL AND s.retiring IS NOT NULL AND s.expires > ?)`, q.Now.Unix())
	case store.ClientNoSecret:
		w.add(`NOT EXISTS (SELECT 1 `+ofClient+` AND s.revoked IS NULL AND (s.expires IS NULL OR s.expires > ?))`, q.Now.Unix())
	}
	if q.Label != "" {
		w.add(`EXISTS (SELECT 1 FROM `+s.engine.labels+` AS l WHERE l.key = ?`, q.Label)
		if q.LabelValue != nil {
			w.args = append(w.args, *q.LabelValue)
			w.terms[len(w.terms)-1] += ` AND l.value = ` + w.last()
		}
		w.terms[len(w.terms)-1] += `)`
	}
	if !q.ExpiresUntil.IsZero() {
		w.add(`EXISTS (SELECT 1 `+ofClient+lasting+` AND s.expires <= ?`, q.ExpiresUntil.Unix())
		w.args = append(w.args, q.Now.Unix())
		w.terms[len(w.terms)-1] += ` AND s.expires > ` + w.last() + `)`
	}
	if !q.UnusedSince.IsZero() {
		w.add(`NOT EXISTS (SELECT 1 `+ofClient+` AND s.last_used > ?) AND COALESCE(created, 0) <= ?`, q.UnusedSince.Unix())
	}
	return w
}

// literal is a text as lower and LIKE have it: without capitals from A to Z,
// which are those that both engines know here, and without wildcards.
func literal(s string) string {
	s = strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

func scanListedClient(row scanner) (l store.ListedClient, err error) {
	l.Client, err = scanClient(extended{row, &l.Mark.Key})
	if err == nil {
		l.Mark.ID = l.ID
	}
	return l, err
}

// extended is a row with one more column at its end.
type extended struct {
	scanner
	last any
}

// Scan reads the row.
func (e extended) Scan(dest ...any) error { return e.scanner.Scan(append(dest, e.last)...) }

// partsAtOnce is how many clients one statement reads the parts of.
const partsAtOnce = 500

// readListedParts reads the grants and secrets of clients of one tenant.
func (s session) readListedParts(ctx context.Context, list []store.ListedClient) error {
	for some := range slices.Chunk(list, partsAtOnce) {
		clients, names := make([]*mintage.Client, len(some)), make([]string, len(some))
		for i, l := range some {
			clients[i], names[i] = l.Client, l.ID
		}
		w := where{args: []any{some[0].Tenant}}
		w.in("client", names)
		if err := s.readPartsOf(ctx, clients, w.terms[0], w.args...); err != nil {
			return err
		}
	}
	return nil
}

// CountFound implements store.Tallies.
func (s session) CountFound(ctx context.Context, q store.ClientQuery) (int, error) {
	w := s.clientFilter(&q)
	text := `SELECT COUNT(*) FROM clients ` + w.String()
	if q.Limit > 0 {
		w.args = append(w.args, q.Limit)
		text = `SELECT COUNT(*) FROM (SELECT 1 FROM clients ` + w.String() + ` LIMIT ` + w.last() + `) AS found`
	}
	n, err := one(ctx, s, number, text, w.args...)
	if err != nil {
		return 0, fmt.Errorf("count clients: %w", err)
	}
	return int(n), nil
}

// ClientTokenSettings implements store.Tallies. Few clients set any: what the
// others carry need not be taken apart.
func (s session) ClientTokenSettings(ctx context.Context, tenant string) ([]mintage.TokenSettings, error) {
	list, err := all(ctx, s, func(row scanner) (mintage.TokenSettings, error) {
		var set tokenSettings
		err := row.Scan(document{&set})
		return set.settings(), err
	}, `SELECT DISTINCT `+s.engine.minting+` FROM clients WHERE tenant = $1 AND settings LIKE '%"token":{%'`, tenant)
	if err != nil {
		return nil, fmt.Errorf("token settings of clients: %w", err)
	}
	return list, nil
}

// CountGrants implements store.Census.
func (s session) CountGrants(ctx context.Context, tenant, resourceServer string) ([]store.GrantCount, error) {
	list, err := all(ctx, s, func(row scanner) (c store.GrantCount, err error) {
		err = row.Scan(document{&c.Scopes}, &c.Clients, &c.Organizations)
		return c, err
	}, `SELECT scopes, CAST(SUM(client) AS BIGINT), CAST(SUM(organization) AS BIGINT) FROM (
			SELECT scopes, 1 AS client, 0 AS organization FROM client_grants WHERE tenant = $1 AND resource_server = $2
			UNION ALL SELECT scopes, 0, 1 FROM organization_grants WHERE tenant = $1 AND resource_server = $2
		) AS held GROUP BY scopes`, tenant, resourceServer)
	if err != nil {
		return nil, fmt.Errorf("grants at %q: %w", resourceServer, err)
	}
	slices.SortFunc(list, func(a, b store.GrantCount) int { return slices.Compare(a.Scopes, b.Scopes) })
	return list, nil
}
