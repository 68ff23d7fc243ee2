package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// maxInput bounds what is read, in bytes. A wrapped key has some hundreds.
const maxInput = 64 << 10

const usage = `mintage-kms wraps the master key of a Mintage server with a key in a KMS.

  mintage-kms --key URL wrap             standard input, wrapped, to standard output
  mintage-kms --key URL unwrap           the reverse
  mintage-kms --key URL rewrap FILE      give a master.key the wrapping of URL

flags:
`

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			// One line, which is what the server shows of it.
			fmt.Fprintln(os.Stderr, "error:", strings.Join(strings.Fields(err.Error()), " "))
		}
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	key, from  place
	vaultToken string
	timeout    time.Duration
}

// run is main, for tests.
func run(args []string, in io.Reader, out, errs io.Writer) error {
	var o options
	fl := flag.NewFlagSet("mintage-kms", flag.ContinueOnError)
	fl.SetOutput(errs)
	fl.StringVar(&o.key.url, "key", "", "URL of the key, such as hashivault://mintage; plain (with rewrap): no wrapping")
	fl.StringVar(&o.key.file, "key-file", "", "file that holds the URL; needed for base64key://, which is the key itself")
	fl.StringVar(&o.from.url, "from", "", "with rewrap: URL of the key that the file is wrapped with now; plain: it is not")
	fl.StringVar(&o.from.file, "from-file", "", "file that holds that URL")
	fl.StringVar(&o.vaultToken, "vault-token-file", "", "file that holds the token for hashivault://; left out: VAULT_TOKEN")
	fl.DurationVar(&o.timeout, "timeout", 8*time.Second, "how long the KMS may take")
	fl.Usage = func() {
		_, _ = io.WriteString(errs, usage)
		fl.PrintDefaults()
	}
	if err := fl.Parse(args); err != nil {
		return err
	}
	if err := o.readVaultToken(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	switch verb := fl.Arg(0); {
	case verb == "wrap" && fl.NArg() == 1:
		return o.wrap(ctx, in, out)
	case verb == "unwrap" && fl.NArg() == 1:
		return o.unwrap(ctx, in, out)
	case verb == "rewrap" && fl.NArg() == 2:
		return o.rewrap(ctx, fl.Arg(1), errs)
	}
	return errors.New("say wrap, unwrap or rewrap FILE: mintage-kms --help")
}

func (o *options) wrap(ctx context.Context, in io.Reader, out io.Writer) error {
	plain, err := readAll(in)
	if err != nil {
		return err
	}
	defer clear(plain)
	k, err := o.key.open(ctx)
	if err != nil {
		return err
	}
	wrapped, err := k.wrap(ctx, plain)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, base64.StdEncoding.EncodeToString(wrapped))
	return err
}

func (o *options) unwrap(ctx context.Context, in io.Reader, out io.Writer) error {
	text, err := readAll(in)
	if err != nil {
		return err
	}
	wrapped, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return errors.New("standard input is not what mintage-kms wrap wrote")
	}
	k, err := o.key.open(ctx)
	if err != nil {
		return err
	}
	plain, err := k.unwrap(ctx, wrapped)
	if err != nil {
		return err
	}
	defer clear(plain)
	_, err = out.Write(plain)
	return err
}

// readAll reads what there is, within the bound.
func readAll(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return nil, errors.New("standard input is empty")
	case len(data) > maxInput:
		return nil, fmt.Errorf("standard input has more than %d bytes, which is no master key", maxInput)
	}
	return data, nil
}
