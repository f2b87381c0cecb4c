package main

import (
	"context"
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
unix socket) and exit with 0 if the answer is below 500, with 1 otherwise.`,
		Example: `  HEALTHCHECK CMD ["fcgigw", "health", "http://127.0.0.1:8080/"]`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			url := "http://127.0.0.1:8080/"
			if len(args) == 1 {
				url = args[0]
			}
			ctx, stop := context.WithTimeout(c.Context(), timeout)
			defer stop()
			return health(ctx, url)
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return &reported{err.Error(), errConfig}
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
