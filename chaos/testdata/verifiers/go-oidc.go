// Command verifier reads an access token a line and says ok, or why not, a line.
// It is built outside the module, with coreos/go-oidc. A key set of go-oidc
// fetches when it does not know a kid, so this one is also forgotten when it is
// CACHE seconds old.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	ctx := context.Background()
	seconds, _ := strconv.ParseFloat(os.Getenv("CACHE"), 64)
	life := time.Duration(seconds * float64(time.Second))
	var v *oidc.IDTokenVerifier
	var made time.Time
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if v == nil || time.Since(made) >= life {
			made = time.Now()
			v = oidc.NewVerifier(os.Getenv("ISSUER"), oidc.NewRemoteKeySet(ctx, os.Getenv("JWKS_URL")),
				&oidc.Config{ClientID: os.Getenv("AUDIENCE"), SupportedSigningAlgs: []string{"ES256"}})
		}
		if _, err := v.Verify(ctx, in.Text()); err != nil {
			fmt.Println("refused:", err)
			continue
		}
		fmt.Println("ok")
	}
}
