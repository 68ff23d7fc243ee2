package clientauth

import "github.com/mintage-auth/mintage/internal/jose"

// NobodysKeys are the keys of clients that do not exist.
func NobodysKeys() []*jose.Key { return nobodysKeys() }
