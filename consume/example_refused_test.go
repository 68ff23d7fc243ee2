package consume_test

import (
	"fmt"

	"github.com/mintage-auth/mintage/consume"
)

func ExampleRefused() {
	fmt.Println(consume.Refused([]string{`Bearer realm="api", error="invalid_token"`}))
	fmt.Println(consume.Refused([]string{`Bearer realm="api", error="insufficient_scope"`}))
	fmt.Println(consume.Refused(nil))
	// Output:
	// true
	// false
	// true
}
