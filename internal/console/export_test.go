package console

// ParsePages parses every page, which a console does when it is first shown.
func ParsePages() error {
	c := &console{assets: &assets{}}
	all, err := newTemplates(pages, c.funcs())
	for _, page := range all {
		if _, failed := page(); failed != nil {
			err = failed
		}
	}
	return err
}
