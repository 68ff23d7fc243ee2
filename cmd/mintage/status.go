package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	// probeTimeout bounds one request of status and doctor.
	probeTimeout = 10 * time.Second
	// maxProbe bounds what is read of an answer, in bytes: metrics are the
	// largest.
	maxProbe = 16 << 20
)

func (a *app) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether the server is ready, and what it has done since it began",
		Long: `Read /readyz and /metrics of the admin listener. No credentials are needed where
--url names it. Exit code 8 says that the server is not ready.`,
		Example: `  mintage status
  mintage status --url http://127.0.0.1:9401 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context()) },
	}
	a.serverFlags(cmd)
	a.outputFlags(cmd)
	return cmd
}

// serverStatus is what status prints.
type serverStatus struct {
	URL     string            `json:"url"`
	Ready   bool              `json:"ready"`
	Checks  map[string]string `json:"checks"`
	Version string            `json:"version,omitempty"`
	Since   *time.Time        `json:"since,omitempty"`
	Clients int               `json:"clients"`
	Tokens  int               `json:"tokens_issued"`
	Refused int               `json:"token_requests_refused"`
	Revoked int               `json:"revocations"`
}

func (a *app) status(ctx context.Context) error {
	to, err := a.access()
	if err != nil {
		return err
	}
	s := &serverStatus{URL: to.url}
	ready, err := a.probe(ctx, to.url+"/readyz")
	if err != nil {
		return err
	}
	s.Ready = ready.status == http.StatusOK
	s.Checks = ready.checks()
	metrics, err := a.probe(ctx, to.url+"/metrics")
	if err != nil {
		return err
	}
	if metrics.status == http.StatusOK {
		s.count(string(metrics.body))
	}
	rows := [][]string{{"server", s.URL}, {"ready", map[bool]string{true: "yes", false: "no"}[s.Ready]}}
	for _, check := range sortedKeys(s.Checks) {
		rows = append(rows, []string{check, s.Checks[check]})
	}
	if s.Since != nil {
		rows = append(rows, []string{"running since", when(*s.Since)})
	}
	rows = append(rows,
		[]string{"version", s.Version}, []string{"clients", strconv.Itoa(s.Clients)}, []string{"tokens issued", strconv.Itoa(s.Tokens)},
		[]string{"requests refused", strconv.Itoa(s.Refused)}, []string{"revocations", strconv.Itoa(s.Revoked)})
	if err := a.print(result{doc: s, rows: rows, name: []string{s.URL}}); err != nil {
		return err
	}
	if !s.Ready {
		return silent(exitNo)
	}
	return nil
}

// sample matches a line of the Prometheus text format.
var sample = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? (\S+)$`)

// count adds up what the metrics say.
func (s *serverStatus) count(text string) {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		m := sample.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			continue
		}
		switch m[1] {
		case "mintage_build_info":
			_, rest, _ := strings.Cut(m[2], `version="`)
			s.Version, _, _ = strings.Cut(rest, `"`)
		case "process_start_time_seconds":
			since := time.Unix(int64(value), 0).UTC()
			s.Since = &since
		case "mintage_clients":
			s.Clients += int(value)
		case "mintage_tokens_issued_total":
			s.Tokens += int(value)
		case "mintage_token_requests_total":
			if !strings.Contains(m[2], `error=""`) {
				s.Refused += int(value)
			}
		case "mintage_revocations_total":
			s.Revoked += int(value)
		}
	}
}

// probed is an answer that status and doctor look at.
type probed struct {
	status int
	header http.Header
	body   []byte
	until  time.Time // end of the server's certificate; zero: plain HTTP
	at     time.Time // half-way between request and answer
}

// probe gets a URL.
func (a *app) probe(ctx context.Context, url string) (*probed, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	res, err := a.httpClient(probeTimeout).Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	p := &probed{status: res.StatusCode, header: res.Header, at: began.Add(time.Since(began) / 2)}
	if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
		p.until = res.TLS.PeerCertificates[0].NotAfter
	}
	if p.body, err = readBounded(res.Body, maxProbe); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return p, nil
}

// checks returns what /readyz says of each check.
func (p *probed) checks() map[string]string {
	var health struct {
		Checks map[string]string `json:"checks"`
	}
	if err := json.Unmarshal(p.body, &health); err != nil {
		return map[string]string{"readyz": "does not answer as a Mintage server does"}
	}
	return health.Checks
}
