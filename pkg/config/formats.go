package config

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// checkFormat checks s against a format that a tag names. "" is no format.
func checkFormat(name, s string) error {
	if name == "text" {
		return need(!strings.Contains(s, "\x00"), "%q holds a NUL", s)
	}
	if i := strings.IndexFunc(s, isControl); i >= 0 && name != "" {
		return fmt.Errorf("%q holds a control character", s)
	}
	switch name {
	case "", "value":
		return nil
	case "acmeurl":
		return checkACMEURL(s)
	case "abspath":
		return checkAbsPath(s)
	case "ext":
		return need(strings.HasPrefix(s, ".") && len(s) > 1 && !strings.Contains(s, "/"), "%q is not an ending such as \".php\"", s)
	case "filename":
		return need(s != "" && s != "." && s != ".." && !strings.Contains(s, "/"), "%q is not the name of a file", s)
	case "host":
		return checkHost(s)
	case "ini":
		return need(s != "" && allBytes(s, isINIByte), "%q is not the name of a PHP setting", s)
	case "listen":
		return checkListen(s)
	case "link":
		return checkLink(s)
	case "mediatype":
		return checkMediaType(s)
	case "logdest":
		return checkLogDest(s)
	case "mode":
		return checkMode(s)
	case "network":
		return checkNetwork(s)
	case "mail":
		return checkMail(s)
	case "match":
		_, err := parseMatch(s)
		return err
	case "name":
		return need(s != "" && allBytes(s, isNameByte), "a name may hold only letters, digits, \".\", \"_\" and \"-\", found %q", s)
	case "param":
		return need(s != "" && !isDigit(s[0]) && allBytes(s, isWordByte), "%q is not the name of a variable: letters, digits and \"_\", no digit first", s)
	case "return":
		return checkReturn(s)
	case "script":
		return need(strings.HasPrefix(s, "/"), "%q must start with \"/\"", s)
	case "server":
		return checkServer(s)
	case "suffix":
		return need(s != "" && !strings.Contains(s, "/"), "%q is not the ending of a file name", s)
	case "token":
		return need(s != "" && allBytes(s, isTokenByte), "%q is not the name of a header", s)
	case "try":
		return checkTry(s)
	case "word":
		return need(!strings.ContainsAny(s, " \t\"'=;"), "%q must be one word", s)
	}
	panic("config: tag names the unknown format " + name)
}

// need returns an error unless ok.
func need(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// allBytes reports whether every byte of s is allowed.
func allBytes(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isWordByte(c byte) bool { return c != '-' && isBareByte(c) }
func isNameByte(c byte) bool { return c == '.' || isBareByte(c) }
func isINIByte(c byte) bool  { return c == '.' || isBareByte(c) }
func isControl(r rune) bool  { return r < ' ' && r != '\t' || r == 0x7f }

// isTokenByte reports whether c may stand in a field name (RFC 9110, 5.6.2).
func isTokenByte(c byte) bool {
	return isBareByte(c) || strings.IndexByte("!#$%&'*+.^`|~", c) >= 0
}

// checkAbsPath checks the path of a file or directory; "" stands for none.
// Variables are refused because they would be taken literally.
func checkAbsPath(s string) error {
	switch {
	case s == "":
		return nil
	case s[0] != '/':
		return fmt.Errorf("%q must be an absolute path", s)
	case strings.Contains(s, "$"):
		return fmt.Errorf("%q holds a \"$\", but variables do not work in this path", s)
	case strings.Contains(s+"/", "/../"):
		return fmt.Errorf("%q must not hold \"..\"; write %q", s, path.Clean(s))
	}
	return nil
}

// checkLogDest checks where a log goes.
func checkLogDest(s string) error {
	if s == "stderr" || s == "stdout" || s == "off" || strings.HasPrefix(s, "/") {
		return nil
	}
	return fmt.Errorf("%q is not one of stderr, stdout, off or an absolute path", s)
}

// checkListen checks an address to listen on: "unix:/path", "unix:@name",
// "systemd:name", "[v6]:port", "v4:port" or ":port".
func checkListen(s string) error {
	if p, ok := strings.CutPrefix(s, unixPrefix); ok {
		if name, abstract := strings.CutPrefix(p, "@"); abstract {
			return need(name != "" && len(p) <= maxUnix, "%q: behind \"@\" comes a name of at most %d bytes", s, maxUnix-1)
		}
		return checkUnix(s, p)
	}
	if name, ok := strings.CutPrefix(s, systemdPrefix); ok {
		return checkInherited(s, name)
	}
	if scheme, rest, ok := cutScheme(s); ok {
		return fmt.Errorf("%q: leave out %q; write an address such as %q", s, scheme, listenFor(scheme, rest))
	}
	if words := strings.Fields(s); len(words) > 1 {
		return checkListenWords(s, words)
	}
	if allBytes(s, isDigit) && checkListen(":"+s) == nil {
		return fmt.Errorf("%q is only a port; did you mean %q?", s, ":"+s)
	}
	host, err := checkPort(s)
	if err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		return fmt.Errorf("%q: %q is not an IP address; leave it out to listen on all", s, host)
	}
	return nil
}

// checkListenWords explains what became of the words that nginx allows behind
// an address.
func checkListenWords(s string, words []string) error {
	for _, w := range words[1:] {
		switch w {
		case "ssl", "quic", "http2":
			addr := words[0]
			if allBytes(addr, isDigit) {
				addr = ":" + addr
			}
			return fmt.Errorf("%q: write %q without %q, in the site's [site.tls] table, whose addresses speak TLS, HTTP/2 and HTTP/3", s, addr, strings.Join(words[1:], " "))
		case "default_server":
			return fmt.Errorf("%q: write \"default = true\" in the site", s)
		}
	}
	return fmt.Errorf("%q must be one address, without %q", s, words[1])
}

// checkServer checks the address of a server: "unix:/path", "host:port" or
// "[v6]:port". It is taken literally, so a request can never choose it.
func checkServer(s string) error {
	if strings.Contains(s, "$") {
		return fmt.Errorf("%q holds a \"$\"; a request must not choose the server", s)
	}
	if scheme, rest, ok := cutScheme(s); ok {
		return checkServerURL(s, scheme, rest)
	}
	if p, ok := strings.CutPrefix(s, "unix:"); ok {
		return checkUnix(s, p)
	}
	if strings.HasPrefix(s, "/") {
		return fmt.Errorf("%q is a path; write \"unix:%s\"", s, s)
	}
	host, err := checkPort(s)
	if err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	return need(host != "" && isHostName(host), "%q: %q is neither a host name nor an IP address", s, host)
}

// maxUnix is the longest path of a unix socket: sun_path of unix(7) less its
// terminator.
const maxUnix = 107

// checkUnix checks the path of a unix socket.
func checkUnix(s, p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("%q: the path of the socket must be absolute", s)
	case len(p) > maxUnix:
		return fmt.Errorf("%q: the path of a socket has at most %d bytes", s, maxUnix)
	}
	return checkAbsPath(p)
}

// checkPort splits host and port and checks the port. The host comes without
// brackets.
func checkPort(s string) (host string, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return "", fmt.Errorf("%q lacks a port; write \"host:port\" or \"unix:/path\"", s)
	}
	host, port := s[:i], s[i+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !isDigit(port[0]) {
		return "", fmt.Errorf("%q: %q is not a port from 1 to 65535", s, port)
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", fmt.Errorf("%q: %q is not an IPv6 address", s, host)
		}
		return host, nil
	}
	if strings.Contains(host, ":") {
		return "", fmt.Errorf("%q: an IPv6 address needs brackets, as in \"[::1]:9000\"", s)
	}
	return host, nil
}

// checkHost checks a host name of a site.
func checkHost(s string) error {
	if re, ok := strings.CutPrefix(s, "~"); ok {
		return checkRegexp(re)
	}
	name := s
	if rest, ok := strings.CutPrefix(s, "*."); ok {
		name = rest
	} else if rest, ok := strings.CutSuffix(s, ".*"); ok {
		name = rest
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		a, err := netip.ParseAddr(name[1 : len(name)-1])
		return need(err == nil && a.Is6(), "%q is not an IPv6 address in brackets", s)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return need(!strings.Contains(name, ":"), "%q: an IPv6 address needs brackets", s)
	}
	switch {
	case strings.Contains(name, ":"):
		return fmt.Errorf("%q: a host comes without a port; ports belong in \"listen\"", s)
	case strings.Contains(name, "*"):
		return fmt.Errorf("%q: \"*\" may stand only for the first or the last label, as in \"*.example.org\"", s)
	case strings.IndexFunc(name, func(r rune) bool { return r > 0x7e }) >= 0:
		return fmt.Errorf("%q: write the name in its ASCII form (xn--...)", s)
	}
	return need(isHostName(name), "%q is not a host name", s)
}

// isHostName reports whether s consists of labels as in RFC 1123, 2.1, with "_"
// allowed as containers use it.
func isHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || !allBytes(label, isBareByte) {
			return false
		}
	}
	return true
}

// checkReturn checks a fixed answer: a status, and behind a space its text or,
// for a redirect, its target.
func checkReturn(s string) error {
	if s == "" {
		return nil
	}
	code, rest, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || n < 200 || n > 599 {
		return fmt.Errorf("%q must start with a status from 200 to 599", s)
	}
	switch n {
	case 301, 302, 303, 307, 308:
		return need(strings.TrimSpace(rest) != "", "%q lacks the address to redirect to", s)
	}
	return nil
}

// checkTry checks one entry of try_files.
func checkTry(s string) error {
	if code, ok := strings.CutPrefix(s, "="); ok {
		return need(checkReturn(code) == nil && len(code) == 3, "%q is not \"=\" and a status", s)
	}
	if s == "" || strings.IndexByte("/@$", s[0]) < 0 {
		return errors.New(strconv.Quote(s) + ` must start with "/", "$uri" or "@", or be "=" and a status`)
	}
	return nil
}
