package oauth_test

import (
	"fmt"
	"net/http"

	"github.com/mintage-auth/mintage/oauth"
)

func ExampleParseScope() {
	s, err := oauth.ParseScope("orders/write  orders/read")
	fmt.Println(s, err)
	_, err = oauth.ParseScope(`orders"read`)
	fmt.Println(err)
	// Output:
	// orders/read orders/write <nil>
	// scope has a character that is not allowed at byte 7
}

func ExampleNewScope() {
	fmt.Println(oauth.NewScope("b", "a", "b"))
	// Output: a b
}

func ExampleValidScopeToken() {
	fmt.Println(oauth.ValidScopeToken("orders/read"), oauth.ValidScopeToken("orders read"))
	// Output: true false
}

func ExampleScope_Without() {
	asked, granted := oauth.NewScope("read", "write"), oauth.NewScope("read")
	fmt.Println(asked.Without(granted))
	// Output: write
}

func ExampleParseBasic() {
	sent, err := oauth.ParseBasic("Basic bXklMjBhcHA6cyUyRjNjcmV0")
	fmt.Println(sent, err)
	decoded, ok := sent.Decoded()
	fmt.Println(decoded.ID, ok)
	// Output:
	// my%20app:(hidden) <nil>
	// my app true
}

func ExampleBasicHeader() {
	fmt.Println(oauth.BasicHeader("my app", "s/3cret"))
	// Output: Basic bXkrYXBwOnMlMkYzY3JldA==
}

func ExampleBearer() {
	token, err := oauth.Bearer(http.Header{"Authorization": {"bearer abc.def"}})
	fmt.Println(token, err)
	_, err = oauth.Bearer(http.Header{})
	fmt.Println(err)
	// Output:
	// abc.def <nil>
	// no bearer token
}

func ExampleBasicChallenge() {
	fmt.Println(oauth.BasicChallenge("https://auth.example"))
	// Output: Basic realm="https://auth.example"
}

func ExampleBearerChallenge() {
	need := oauth.NewScope("orders/read")
	fmt.Println(oauth.BearerChallenge("https://api.example", oauth.InsufficientScope(need), need))
	// Output: Bearer realm="https://api.example", error="insufficient_scope", error_description="the request needs the scope orders/read", scope="orders/read"
}

func ExampleError() {
	err := oauth.InvalidScope("scope.not_granted", "the scope orders/admin is not one that this client may have")
	fmt.Println(err.Status, err.Code)
	fmt.Println(err.Description)
	fmt.Println(err)
	// Output:
	// 400 invalid_scope
	// the scope orders/admin is not one that this client may have
	// invalid_scope (scope.not_granted): the scope orders/admin is not one that this client may have
}
