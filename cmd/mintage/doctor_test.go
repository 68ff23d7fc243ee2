package main

import (
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// A key that should have been replaced a day ago is a failure, one that is due
// today is not.
func TestDoctorOverdueKey(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		due  *time.Time
		want int
	}{
		{nil, 0},
		{new(now.Add(time.Hour)), 0},
		{new(now.Add(-23 * time.Hour)), 0},
		{new(now.Add(-24 * time.Hour)), 1},
	} {
		d := &diagnosis{now: now}
		d.overdue(&adminclient.Tenant{ID: "prod"}, &adminclient.SigningKey{KID: "k", Alg: "ES256", DueAt: c.due})
		if len(d.findings) != c.want {
			t.Errorf("due %v: %+v", c.due, d.findings)
		}
	}
}
