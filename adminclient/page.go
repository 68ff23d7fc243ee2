package adminclient

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items" doc:"The objects of this page."`
	Next  string `json:"next,omitempty" doc:"Asks for the page after this one; absent on the last."`
}

// List narrows a list. The zero value is all of it.
type List struct {
	Name   string // only objects with exactly this name, where the list can be filtered by it
	Limit  int    // objects fetched at a time, 1 to 200; zero: 50
	Cursor string // Page.Next of an earlier page; empty: the beginning
}

// pages fetches a list page by page, with the parameters of filters. It ends
// after an error.
func pages[T any](ctx context.Context, c *Client, path string, l List, filters ...url.Values) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for {
			query := l.query()
			for _, f := range filters {
				maps.Copy(query, f)
			}
			page, err := call[Page[T]](ctx, c, request{method: http.MethodGet, path: path, query: query})
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Items {
				if !yield(&page.Items[i], nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			l.Cursor = page.Next
		}
	}
}

func (l List) query() url.Values {
	q := url.Values{}
	if l.Name != "" {
		q.Set("name", l.Name)
	}
	if l.Limit > 0 {
		q.Set("limit", strconv.Itoa(l.Limit))
	}
	if l.Cursor != "" {
		q.Set("cursor", l.Cursor)
	}
	return q
}
