package admin_test

import (
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// The request log has tokens too, each outcome can be asked for alone, and so
// can a span of time.
func TestIssuedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, r := range []*mintage.RequestRecord{
		{TraceID: "req_1", Reason: "ok", Status: 200, ScopeGranted: "orders/read"},
		{TraceID: "req_2", Reason: "param.ignored", Notes: []string{"param.ignored"}, Status: 200},
		{TraceID: "req_3", Reason: "secret.mismatch", Error: "invalid_client", Status: 401},
	} {
		r.Tenant, r.ClientID, r.Count = "hotel", "mc_1", 1
		r.Time = w.now.Add(time.Duration(i) * time.Minute)
		r.Last = r.Time
		w.refused(t, r)
	}
	c := adminclientFor(t, w, "hotel", "requests:read")
	list := func(f adminclient.RequestFilter) (got string) {
		t.Helper()
		for r, err := range c.Requests(t.Context(), "hotel", f, adminclient.List{Limit: 2}) {
			if err != nil {
				t.Fatal(err)
			}
			got += r.TraceID[4:] + r.Outcome + " "
		}
		return got
	}
	for _, tt := range []struct {
		f    adminclient.RequestFilter
		want string
	}{
		{adminclient.RequestFilter{}, "3refused 2warned 1issued "},
		{adminclient.RequestFilter{Outcome: adminclient.OutcomeIssued}, "1issued "},
		{adminclient.RequestFilter{Outcome: adminclient.OutcomeWarned}, "2warned "},
		{adminclient.RequestFilter{Outcome: adminclient.OutcomeRefused}, "3refused "},
		{adminclient.RequestFilter{Since: w.now.Add(time.Minute), Until: w.now.Add(2 * time.Minute)}, "2warned "},
		{adminclient.RequestFilter{Reason: "ok"}, "1issued "},
		{adminclient.RequestFilter{ClientID: "mc_2"}, ""},
	} {
		if got := list(tt.f); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.f, got, tt.want)
		}
	}
}
