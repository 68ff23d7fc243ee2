package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/revoke"
)

// troubled is a directory one of whose answers is trouble.
type troubled struct {
	admin.Directory
	in    string // the method
	panic bool
}

var errTrouble = errors.New("disk on fire at /var/lib/mintage")

func (d troubled) trouble(method string) error {
	if d.in != method {
		return nil
	}
	if d.panic {
		panic(errTrouble)
	}
	return errTrouble
}

func (d troubled) Tenant(ctx context.Context, id string) (*mintage.Tenant, error) {
	if err := d.trouble("Tenant"); err != nil {
		return nil, err
	}
	return d.Directory.Tenant(ctx, id)
}

func (d troubled) TenantByIssuer(ctx context.Context, issuer string) (*mintage.Tenant, error) {
	if err := d.trouble("TenantByIssuer"); err != nil {
		return nil, err
	}
	return d.Directory.TenantByIssuer(ctx, issuer)
}

func (d troubled) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	if err := d.trouble("Client"); err != nil {
		return nil, err
	}
	return d.Directory.Client(ctx, tenant, id)
}

func (d troubled) Ring(ctx context.Context, tenant string) (*keys.Ring, error) {
	if err := d.trouble("Ring"); err != nil {
		return nil, err
	}
	return d.Directory.Ring(ctx, tenant)
}

func (d troubled) Revocations(ctx context.Context, tenant string) (*revoke.Set, error) {
	if err := d.trouble("Revocations"); err != nil {
		return nil, err
	}
	return d.Directory.Revocations(ctx, tenant)
}

// AD-16: trouble in a check refuses and tells nothing, and a panic is an answer.
func TestTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	for _, method := range []string{"Tenant", "TenantByIssuer", "Client", "Ring", "Revocations"} {
		for _, panics := range []bool{false, true} {
			var log strings.Builder
			h, err := admin.New(admin.Config{
				Manager: w.manager, Directory: troubled{w.directory, method, panics}, Stored: w.minter(),
				CursorKey: make([]byte, 32), Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(&log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			broken := &world{handler: h}
			resp := broken.do(t, ask{method: "GET", path: "/tenants/hotel/clients", token: token})
			status, code := 500, "internal"
			if !panics && (method == "TenantByIssuer" || method == "Ring") {
				status, code = 503, "key.unavailable" // what the verifier says of keys that it cannot have
			}
			p := problem(t, resp, status, code)
			if strings.Contains(p.Error()+p.Title, "fire") {
				t.Errorf("%s: the answer tells %s", method, p.Error())
			}
			if status == 500 && !strings.Contains(log.String(), "fire") {
				t.Errorf("%s: the log does not say what happened: %s", method, &log)
			}
		}
	}
}

// The store fails: no operation says that it worked.
func TestStoreIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, mintage.BuiltInTenant, "*")
	target := w.client(t, "hotel", api, "orders/read")
	for _, op := range admin.Operations() { // fill the caches
		w.do(t, ask{method: "GET", path: fill(op.Path, "hotel", target.ID), token: token})
	}
	if err := w.manager.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, op := range admin.Operations() {
		switch op.ID {
		case "openapi", "introspect-token", "start-pairing", "redeem-pairing", "show-self", "end-own-session":
			continue // nothing is read, or nobody signs in here
		}
		resp := w.do(t, ask{method: op.Method, path: fill(op.Path, "hotel", target.ID), token: token, body: body(op, "x")})
		problem(t, resp, 503, "store.unavailable")
		if resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", op.ID)
		}
	}
}

// AD-13: each request is one line of the log, with why it was refused. AD-15:
// what comes from outside cannot make a second one.
func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "clients:read")
	w.log.Reset()
	w.do(t, ask{method: "POST", path: "/tenants/hotel/clients?x=%0Alevel=ERROR", token: token, body: `{"name":"x"}`})
	w.do(t, ask{method: "GET", path: "/tenants/hotel%0Alevel=ERROR/clients", token: token})
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	if len(lines) != 2 || strings.Contains(w.log.String(), token) {
		t.Fatalf("log of two requests:\n%s", w.log)
	}
	for _, want := range []string{"status=403", "reason=token.scope", "tenant=hotel", "client_id=mc_", "method=POST", "trace_id=req_"} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("the line of a refusal has no %s: %s", want, lines[0])
		}
	}
}
