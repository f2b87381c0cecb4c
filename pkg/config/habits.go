package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// cutScheme cuts the beginning of a URL off, which nginx wants in some places
// where an address is wanted here.
func cutScheme(s string) (scheme, rest string, ok bool) {
	for _, scheme := range [...]string{"http://", "https://", "fastcgi://", "h2c://", "tcp://"} {
		if rest, ok := strings.CutPrefix(s, scheme); ok {
			return scheme, strings.TrimRight(rest, "/"), true
		}
	}
	return "", "", false
}

// checkServerURL explains what to write instead of the URL of a server.
func checkServerURL(s, scheme, rest string) error {
	if scheme == "https://" {
		return fmt.Errorf("%q: TLS to a backend is not supported; leave out %q, and set protocol = \"http\", if the server speaks plain HTTP as well", s, scheme)
	}
	path, isUnix := strings.CutPrefix(rest, unixPrefix)
	if isUnix {
		rest = unixPrefix + strings.TrimRight(path, ":/") // nginx has a path behind a colon
	} else {
		rest, _, _ = strings.Cut(rest, "/")
		if _, err := checkPort(rest); err != nil && scheme == "http://" {
			rest += ":80"
		}
	}
	if scheme == "http://" {
		return fmt.Errorf("%q: leave out %q; write %q, and protocol = \"http\" in the backend", s, scheme, rest)
	}
	return fmt.Errorf("%q: leave out %q; write %q", s, scheme, rest)
}

// listenFor suggests the address to listen on that a URL stands for.
func listenFor(scheme, rest string) string {
	rest, _, _ = strings.Cut(rest, "/")
	if strings.HasPrefix(rest, "unix:") {
		return "unix:/run/NAME.sock"
	}
	port := map[string]string{"https://": "443"}[scheme]
	if port == "" {
		port = "80"
	}
	host := rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		host, port = rest[:i], rest[i+1:]
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil {
		host = ""
	}
	return host + ":" + port
}

// checkMail checks an address that a CA may write to.
func checkMail(s string) error {
	user, host, ok := strings.Cut(s, "@")
	ok = ok && user != "" && strings.IndexByte(s, ' ') < 0 && isHostName(host) && !strings.HasPrefix(s, "mailto:")
	return need(s == "" || ok, "%q is no address such as \"admin@example.org\"", s)
}

// syntaxHint adds to a message of the TOML parser what is most likely meant. line
// is the one that it is about.
func syntaxHint(msg, line string) string {
	line = strings.TrimSpace(line)
	switch {
	case strings.Contains(msg, "invalid escape"): // the parser has no sentinels
		return `; use single quotes for regular expressions, as in '~ \.php(/|$)'`
	case strings.HasPrefix(line, "mode") && strings.Contains(msg, "leading zero"):
		return `; write permissions in quotes, as in mode = "0660"`
	case strings.HasPrefix(line, "[listener.") && !strings.ContainsAny(line, `"'`):
		name := strings.TrimSuffix(strings.TrimPrefix(line, "[listener."), "]")
		return fmt.Sprintf("; write the address in quotes: [listener.%q]", name)
	}
	return ""
}
