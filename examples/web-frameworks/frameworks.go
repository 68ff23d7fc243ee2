// Package frameworks puts enforce in front of routes of chi, Echo and Gin. It is
// a module of its own, so that none of them is in Mintage's.
package frameworks

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/mintage-auth/mintage/enforce"
)

// orders answers whom it serves.
func orders(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "orders for ", enforce.FromContext(r.Context()).ClientID)
}

// Chi takes Middleware as it is.
func Chi(v *enforce.Verifier) http.Handler {
	r := chi.NewRouter()
	r.With(v.Middleware("orders.read")).Get("/orders", orders)
	return r
}

// Echo takes it through echo.WrapMiddleware.
func Echo(v *enforce.Verifier) http.Handler {
	e := echo.New()
	e.GET("/orders", echo.WrapHandler(http.HandlerFunc(orders)), echo.WrapMiddleware(v.Middleware("orders.read")))
	return e
}

// Gin has a shape of its own: Authenticate, and Refuse where it fails.
func Gin(v *enforce.Verifier) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/orders", requireGin(v, "orders.read"), gin.WrapF(orders))
	return r
}

func requireGin(v *enforce.Verifier, scopes ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		tok, err := v.Authenticate(c.Request, scopes...)
		if err != nil {
			v.Refuse(c.Writer, err, scopes...)
			c.Abort()
			return
		}
		c.Request = c.Request.WithContext(enforce.WithToken(c.Request.Context(), tok))
		c.Next()
	}
}
