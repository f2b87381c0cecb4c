package vars

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func appendRequestHeader(dst []byte, e *Env, name string) []byte {
	sep := ", "
	if name == "cookie" {
		sep = "; "
	}
	return appendHeader(dst, &e.X.Request.Header, name, sep)
}

func appendResponseHeader(dst []byte, e *Env, name string) []byte {
	return appendHeader(dst, &e.X.Response.Header, name, ", ")
}

// appendHeader appends the values of every field whose name is that of the
// variable. A name written with '-' wins over one that only looks the same with
// '-' and '_' taken as equal.
func appendHeader(dst []byte, h *exchange.Header, name, sep string) []byte {
	fields := h.All()
	dashed := false
	for i := range fields {
		if sameName(fields[i].Name, name) && bytes.IndexByte(fields[i].Name, '_') < 0 {
			dashed = true
			break
		}
	}
	first := true
	for i := range fields {
		if !sameName(fields[i].Name, name) || (dashed && bytes.IndexByte(fields[i].Name, '_') >= 0) {
			continue
		}
		if !first {
			dst = append(dst, sep...)
		}
		first = false
		dst = append(dst, fields[i].Value...)
	}
	return dst
}

// sameName compares a field name with that of a variable, which is in lower
// case with '_' for every byte that is no letter or digit.
func sameName(field []byte, name string) bool {
	if len(field) != len(name) {
		return false
	}
	for i, c := range field {
		if !nameByte(c) {
			c = '_'
		}
		if lower(c) != name[i] {
			return false
		}
	}
	return true
}

func nameByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// appendArg appends the first argument called name, as nginx does: the name in
// any case, the value as it came. An argument without '=' has no value.
func appendArg(dst []byte, e *Env, name string) []byte {
	for rest := e.Args; len(rest) > 0; {
		var arg []byte
		arg, rest, _ = bytes.Cut(rest, []byte{'&'})
		if len(arg) > len(name) && arg[len(name)] == '=' && exchange.EqualFold(arg[:len(name)], name) {
			return append(dst, arg[len(name)+1:]...)
		}
	}
	return dst
}

// appendCookie appends the first cookie called name.
func appendCookie(dst []byte, e *Env, name string) []byte {
	fields := e.X.Request.Header.All()
	for i := range fields {
		if !exchange.EqualFold(fields[i].Name, "cookie") {
			continue
		}
		if value, found := findCookie(fields[i].Value, name); found {
			return append(dst, value...)
		}
	}
	return dst
}

func findCookie(line []byte, name string) ([]byte, bool) {
	for len(line) > 0 {
		var pair []byte
		pair, line, _ = bytes.Cut(line, []byte{';'})
		pair = bytes.Trim(pair, " \t")
		if len(pair) > len(name) && pair[len(name)] == '=' && exchange.EqualFold(pair[:len(name)], name) {
			return pair[len(name)+1:], true
		}
	}
	return nil, false
}
