// Package storetest is the suite that every engine of the store passes. A rule
// about storage that is not tested here is not a rule.
//
// Beyond what the interfaces say, it holds that: a row whose tenant,
// organization or resource server is missing is refused with ErrNotFound; a
// write that failed leaves nothing and the transaction goes on; a write sets
// Version in its argument; times are kept in whole seconds UTC, but for
// Revocation.Before, which keeps its milliseconds; a stored token's key is
// unique over all tenants; and the stored tokens of a deleted tenant are not
// found in a later one of the same name.
package storetest

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Run runs the suite. Open returns an empty store, which Run closes.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	for _, test := range tests() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, opened(t, open))
		})
	}
}

// RunDurable runs what concerns stores that outlive their process. Place makes
// an empty place for one and returns a function that opens the store there, as
// often as it is called.
func RunDurable(t *testing.T, place func(*testing.T) func(*testing.T) store.Store) {
	t.Helper()
	for _, test := range durableTests() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, place(t))
		})
	}
}

type test struct {
	name string
	run  func(*testing.T, store.Store)
}

func tests() []test {
	return []test{
		{"RoundTrip", roundTrip},
		{"Uniqueness", uniqueness},
		{"Isolation", isolation},
		{"Paging", paging},
		{"FailedWriteLeavesNothing", failedWrite},
		{"TenantNames", tenantNames},
		{"TenantsAt", tenantsAt},
		{"TenantDeletion", tenantDeletion},
		{"Parents", parents},
		{"InUse", inUse},
		{"ResourceServerNames", resourceServerNames},
		{"ClientZero", clientZero},
		{"ClientTombstones", clientTombstones},
		{"FindClients", findClients},
		{"FindClientsWhole", findClientsWhole},
		{"FindClientsPages", findClientsPages},
		{"ClientTokenSettings", clientTokenSettings},
		{"CountGrants", countGrants},
		{"TenantsToPurge", tenantsToPurge},
		{"TenantSweep", tenantSweep},
		{"ClientsToPurge", clientsToPurge},
		{"CountClients", countClients},
		{"ManagedTenants", managedTenants},
		{"SigningKeyOrder", signingKeyOrder},
		{"MarkExposed", markExposed},
		{"MarkUsed", markUsed},
		{"MarksNeverGoBack", marksNeverGoBack},
		{"Announce", announce},
		{"ExpiringSecrets", expiringSecrets},
		{"Revocations", revocations},
		{"RevocationSweep", revocationSweep},
		{"Events", events},
		{"EventsWithoutGaps", eventsWithoutGaps},
		{"EventChain", eventChain},
		{"DataKeys", dataKeys},
		{"Requests", requests},
		{"RequestsGrow", requestsGrow},
		{"Usage", usage},
		{"UsageRolls", usageRolls},
		{"RequestSweep", requestSweep},
		{"LadderUses", ladderUses},
		{"Owners", owners},
		{"Answers", answers},
		{"Replays", replays},
		{"NUL", nul},
		{"Leases", leases},
		{"LeasesOfMany", leasesOfMany},
		{"Hint", hint},
		{"Operators", operators},
		{"OperatorMemberships", operatorMemberships},
		{"OperatorFeed", operatorFeed},
		{"OperatorCredentials", operatorCredentials},
		{"OperatorCredentialSteps", operatorCredentialSteps},
		{"Invitations", invitations},
		{"Sessions", sessions},
		{"SessionsOfTheDisabled", sessionsOfTheDisabled},
		{"Pairings", pairings},
		{"SpentChallenges", challenges},
		{"PeopleSweep", peopleSweep},
		{"Times", times},
		{"FeedOfEachWrite", feedOfEachWrite},
		{"FeedUnderConcurrentWriters", feedUnderWriters},
		{"FeedSweep", feedSweep},
		{"UpdateFails", updateFails},
		{"UpdatePanics", updatePanics},
		{"UpdateReadsItsWrites", updateReadsItsWrites},
		{"UpdateCounts", updateCounts},
		{"Tokens", tokens},
		{"TokenForms", tokenForms},
		{"TokensConcurrent", tokensConcurrent},
		{"TokenDuplicates", tokenDuplicates},
		{"TokenSweep", tokenSweep},
		{"TokenSweepBounds", tokenSweepBounds},
		{"TokenSweepMixedLifetimes", tokenSweepMixed},
		{"TokenSweepSparesTheLongLived", tokenSweepSpares},
		{"TokensOfDeletedTenant", tokensOfDeletedTenant},
		{"CancelledContexts", cancelledContexts},
		{"CancelledCallers", cancelledCallers},
		{"CancelledUpdate", cancelledUpdate},
		{"Closed", closedStore},
	}
}

// opened opens a store and closes it when t is over.
func opened(t *testing.T, open func(*testing.T) store.Store) store.Store {
	t.Helper()
	s := open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// must fails the test when err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErr fails the test unless err is want.
func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// diff compares what was read with what was written, to the last member. No
// list and an empty one are the same.
func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	d := cmp.Diff(want, got,
		cmpopts.EquateEmpty(),
		cmpopts.EquateComparable(netip.Prefix{}),
		cmp.Comparer(func(a, b time.Time) bool { return a == b }), //nolint:staticcheck // the location counts: UTC
	)
	if d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// update runs fn in a transaction that must succeed.
func update(t *testing.T, s store.Store, fn func(context.Context, store.Tx) error) {
	t.Helper()
	must(t, s.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// prepare makes the tenants acme and other with what clients name.
func prepare(t *testing.T, s store.Store) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, tenant := range []string{"acme", "other"} {
			if err := tx.CreateTenant(ctx, &mintage.Tenant{ID: tenant, Issuer: "https://" + tenant + ".example"}); err != nil {
				return err
			}
			for _, id := range []string{"org-1", "org-2"} {
				if err := tx.CreateOrganization(ctx, &mintage.Organization{Tenant: tenant, ID: id, Name: id}); err != nil {
					return err
				}
			}
			for _, id := range []string{"https://api.example", "orders"} {
				if err := tx.CreateResourceServer(ctx, &mintage.ResourceServer{Tenant: tenant, Identifier: id}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
