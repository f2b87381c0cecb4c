package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand() *cobra.Command {
	var timeout time.Duration
	var o healthOptions
	c := &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask a running gateway for a page, for container health checks",
		Long: `Ask for URL (http://127.0.0.1:8080/ if none is given; unix:/path asks for / on a
unix socket; without a scheme it is http) and exit with 0 if the answer is below
500, with 1 otherwise.

With https the gateway's certificate must be good for the host that is asked for.
--host names it where the URL has only an address, and --ca the file of a CA (or
of a certificate signed by itself) that the system does not trust.`,
		Example: `  fcgigw health localhost:8080/status
  fcgigw health https://127.0.0.1/ --host example.org
  HEALTHCHECK CMD ["fcgigw", "health", "http://127.0.0.1:8080/"]`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			url := "http://127.0.0.1:8080/"
			if len(args) == 1 {
				url = args[0]
			}
			ctx, stop := context.WithTimeout(c.Context(), timeout)
			defer stop()
			return waited(health(ctx, url, &o), url, timeout)
		},
	}
	c.Flags().StringVar(&o.host, "host", "", "host to ask for (Host header, SNI and name in the certificate); the one in URL if empty")
	c.Flags().StringVar(&o.ca, "ca", "", "file with the CA that the certificate is trusted by (PEM); the system's if empty")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "longest wait for the answer")
	return c
}

// healthOptions say whom health asks for and whom it trusts.
type healthOptions struct{ host, ca string }

// tls is the client's side of TLS; what it does not say is what the URL says.
func (o *healthOptions) tls() (*tls.Config, error) {
	c := &tls.Config{ServerName: o.host}
	if o.ca == "" {
		return c, nil
	}
	data, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: it holds no certificate (PEM)", o.ca)
	}
	return c, nil
}

func health(ctx context.Context, url string, o *healthOptions) error {
	conf, err := o.tls()
	if err != nil {
		return usageError("--ca: %v", err)
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: conf}
	if path, ok := strings.CutPrefix(url, "unix:"); ok {
		url = "http://localhost/"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
	}
	url = withScheme(url)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return usageError("%v", err)
	}
	req.Host = o.host
	// Redirects are answers: they are not followed.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return untrusted(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// untrusted says what to do about a certificate that is not good.
func untrusted(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%w; --ca FILE names its CA", err)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("%w; --host NAME asks for another host", err)
	}
	return err
}

// withScheme makes a URL of "host:port/path" and of ":port/path".
func withScheme(url string) string {
	switch {
	case strings.Contains(url, "://"):
		return url
	case strings.HasPrefix(url, ":"):
		return "http://localhost" + url
	}
	return "http://" + url
}

// waited says what was waited for in vain, where err is a timeout.
func waited(err error, url string, timeout time.Duration) error {
	var late net.Error
	if !errors.As(err, &late) || !late.Timeout() {
		return err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%s: no connection within %v: a firewall, a wrong address, or a full listen queue", url, timeout)
	}
	return fmt.Errorf("%s: connected, but no answer within %v", url, timeout)
}
