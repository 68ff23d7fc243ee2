package main

import (
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/bench/turns"
)

// fixedToken has the length of a JWT of ours.
var fixedToken = "Bearer " + strings.Repeat("t", 420)

// serve runs one of the servers that are Go.
func serve(what, addr, backend string) error {
	var h http.Handler
	switch what {
	case "backend":
		h = backendHandler()
	case "proxy":
		u, err := url.Parse("http://" + backend)
		if err != nil {
			return err
		}
		h = &httputil.ReverseProxy{
			Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000, IdleConnTimeout: time.Minute},
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(u)
				r.Out.Header.Set("Authorization", fixedToken)
			},
		}
	default:
		return errors.New("backend or proxy")
	}
	srv := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 5 * time.Second}
	return srv.ListenAndServe()
}

// backendHandler answers the same each time, and is a token endpoint too. A
// request without a token is refused.
func backendHandler() http.Handler {
	body := []byte(`{"pad":"` + strings.Repeat("x", turns.AnswerSize-10) + `"}`)
	token := []byte(`{"access_token":"` + strings.Repeat("t", 420) + `","token_type":"Bearer","expires_in":3600}`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		switch {
		case r.URL.Path == "/token":
			_, _ = w.Write(token)
		case len(r.Header["Authorization"]) != 1:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = w.Write(body)
		}
	})
}
