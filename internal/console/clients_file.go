package console

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

// clientsCSV is the list as a file, all pages of it.
func (c *console) clientsCSV(ctx context.Context, q *request) (*answer, error) {
	found, _, err := c.findClients(ctx, q, clientFilterOf(q))
	if errors.Is(err, errMany) {
		found, err = c.fileOfMany(ctx, q, clientFilterOf(q))
	}
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	rows := [][]string{{"client_id", "name", "organization", "status", "apis", "labels", "secrets", "created", "last_used", "expires"}}
	for _, r := range found {
		status := "active"
		if r.Disabled {
			status = "disabled"
		}
		rows = append(rows, []string{
			r.ID, r.Name, r.Organization, status, strings.Join(r.APIs, " "), strings.Join(r.Labels, " "), strconv.Itoa(r.Secrets),
			stamp(r.Created), stamp(r.LastUsed), stamp(r.Expires),
		})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = inert(row[i])
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return &answer{file: "clients-" + q.tenant.ID + ".csv", media: "text/csv;charset=UTF-8", body: buf.Bytes()}, nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// inert keeps a spreadsheet from taking a value for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// ownClient reads a client that the viewer may know of.
func (c *console) ownClient(ctx context.Context, q *request, id string) (*mintage.Client, error) {
	cl, err := c.manager.Client(ctx, q.tenant.ID, id)
	if err != nil {
		return nil, err
	}
	if !q.viewer.Sees(cl.Tenant, cl.Organization) {
		return nil, mintage.ErrNotFound
	}
	return cl, nil
}
