package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func setFull(dst *string, v string) error {
	if v == "" {
		return errors.New("a value is needed here")
	}
	*dst = v
	return nil
}

func setAddress(dst *string, v string) error {
	host, port, ok := splitAddress(v)
	if !ok {
		return errors.New("write host:port, such as 127.0.0.1:9400 or 0.0.0.0:443")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || port != strconv.FormatUint(n, 10) {
		return errors.New("the port is a number from 0 to 65535")
	}
	if strings.ContainsAny(host, "/ \t") {
		return errors.New("the host is an address or a name")
	}
	*dst = v
	return nil
}

func setOptionalAddress(dst *string, v string) error {
	if v == "" {
		*dst = ""
		return nil
	}
	return setAddress(dst, v)
}

func setIssuer(dst *string, v string) error {
	*dst = v
	if v == "" {
		return nil
	}
	return sentence(mintage.ValidateIssuer(v))
}

// sentence drops the pointer, which means nothing here.
func sentence(err error) error {
	if fields := mintage.FieldErrors(err); len(fields) > 0 {
		return errors.New(fields[0].Message)
	}
	return err
}

func setURL(dst *string, v string) error {
	*dst = strings.TrimSuffix(v, "/")
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(v, "?#\"\\ ") {
		return errors.New("write an https URL without query and fragment, such as https://docs.example.com/auth")
	}
	return nil
}

func setNetworks(dst *[]netip.Prefix, v string) error {
	networks, err := readNetworks(v)
	for _, network := range networks {
		if network.Bits() == 0 {
			return fmt.Errorf("%q is everybody, who could then say to be anybody: write the networks of your proxies", network)
		}
	}
	*dst = networks
	return err
}

// setPrivateNetworks reads networks of our own. All of the Internet is none, and
// who writes it means to switch a check off.
func setPrivateNetworks(dst *[]netip.Prefix, v string) error {
	networks, err := readNetworks(v)
	for _, network := range networks {
		if network.Bits() == 0 {
			return fmt.Errorf("%q is everything, this machine too: write the networks of the clients that publish keys", network)
		}
	}
	*dst = networks
	return err
}

// readNetworks reads networks that commas separate.
func readNetworks(v string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for text := range strings.SplitSeq(v, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		network, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil && addr.Zone() == "" {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no network: write one such as 10.0.0.0/8", text)
		}
		if network.Masked() != network {
			return nil, fmt.Errorf("%q has bits outside the network: write %s", text, network.Masked())
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func setLevel(dst *slog.Level, v string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[v]
	if !ok {
		return errors.New("write debug, info, warn or error")
	}
	*dst = level
	return nil
}

func setWord(dst *string, v string, words ...string) error {
	if !slices.Contains(words, v) {
		return errors.New("write " + strings.Join(words, " or "))
	}
	*dst = v
	return nil
}

func setCount(dst *int, v string) error {
	const most = 10_000_000
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return fmt.Errorf("write a number from 0 to %d", most)
	}
	*dst = n
	return nil
}

func setClients(dst *[]string, v string) error {
	const most = 100
	*dst = nil
	for id := range strings.SplitSeq(v, ",") {
		id = strings.TrimSpace(id)
		if id == "" || slices.Contains(*dst, id) {
			continue
		}
		if err := mintage.ValidateClientID(id); err != nil {
			return fmt.Errorf("%q is no client id: %w", id, sentence(err))
		}
		*dst = append(*dst, id)
	}
	if len(*dst) > most {
		return fmt.Errorf("at most %d client ids: each makes as many series anew", most)
	}
	return nil
}

// setKeep reads how long records are kept.
func setKeep(dst *time.Duration, v string) error {
	d, err := yamlfile.ParseDuration(v)
	if err == nil && (d < time.Hour || d > 366*24*time.Hour) {
		return errors.New("write 1h to 366d")
	}
	*dst = d
	return err
}

func setSwitch(dst *bool, v string) error {
	if v != "on" && v != "off" {
		return errors.New("write on or off")
	}
	*dst = v == "on"
	return nil
}

func setKeyPeriod(dst *time.Duration, v string) error {
	d, err := yamlfile.ParseDuration(v)
	if err == nil {
		err = sentence(mintage.ValidateKeyPeriod(d))
	}
	*dst = d
	return err
}

func setDuration(dst *time.Duration, v string) error {
	d, err := yamlfile.ParseDuration(v)
	if err != nil {
		return err
	}
	if d > time.Hour {
		return errors.New("at most 1h")
	}
	*dst = d
	return nil
}
