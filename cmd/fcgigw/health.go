package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask a running gateway for a page, for container health checks",
		Long: `Ask for URL (http://127.0.0.1:8080/ if none is given; unix:/path asks for / on a
unix socket; without a scheme it is http) and exit with 0 if the answer is below
500, with 1 otherwise.`,
		Example: `  fcgigw health localhost:8080/status
  HEALTHCHECK CMD ["fcgigw", "health", "http://127.0.0.1:8080/"]`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			url := "http://127.0.0.1:8080/"
			if len(args) == 1 {
				url = args[0]
			}
			ctx, stop := context.WithTimeout(c.Context(), timeout)
			defer stop()
			return waited(health(ctx, url), url, timeout)
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "longest wait for the answer")
	return c
}

func health(ctx context.Context, url string) error {
	transport := &http.Transport{DisableKeepAlives: true}
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
	// Redirects are answers: they are not followed.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
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
