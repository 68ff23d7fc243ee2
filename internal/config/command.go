package config

import (
	"errors"
	"strings"
)

// setCommand reads a program and its arguments. What an argument must not hold,
// arguments being no secret, is the program's to refuse.
func setCommand(dst *[]string, v string) error {
	*dst = nil
	if v == "" {
		return nil
	}
	for arg := range strings.SplitSeq(v, ",") {
		if arg = strings.TrimSpace(arg); arg == "" {
			return errors.New("an argument is empty: write the program and its arguments as a list, without commas in them")
		}
		*dst = append(*dst, arg)
	}
	return nil
}
