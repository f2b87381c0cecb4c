package config

import (
	"maps"
	"slices"
	"strings"
)

// params checks the variables for scripts that the file itself writes; those a
// location inherits are checked at the site.
func (k *checker) params() {
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		k.phpValues(s.Pos.Path, "params", s.Params)
		k.phpValues(s.Pos.Path, "authorizer_params", s.AuthorizerParams)
		for j := range s.Locations {
			l := &s.Locations[j]
			k.phpValues(l.Pos.Path, "params", l.Params)
			k.phpValues(l.Pos.Path, "authorizer_params", l.AuthorizerParams)
		}
	}
}

// phpValues refuses PHP_VALUE and PHP_ADMIN_VALUE that a client could change:
// php-fpm obeys them as settings, which amounts to running the client's code.
func (k *checker) phpValues(table, key string, params map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		at := join(join(table, key), name)
		if _, own := k.c.marks.pos[at]; !own || !isPHPValue(name) {
			continue
		}
		for _, v := range variables(params[name]) {
			if !isServerVariable(v) {
				k.fail(at, "%s.%s: a client can choose $%s, and php-fpm obeys %s", key, name, v, name)
			}
		}
	}
}

// isPHPValue reports whether php-fpm takes the variable as settings.
func isPHPValue(name string) bool {
	return strings.EqualFold(name, "PHP_VALUE") || strings.EqualFold(name, "PHP_ADMIN_VALUE")
}

// isServerVariable reports whether only the gateway decides the variable. The
// list names the safe ones, so that a new variable is refused until it is known
// to be safe.
func isServerVariable(name string) bool {
	switch name {
	case "hostname", "server_addr", "server_port", "scheme", "https", "document_root", "realpath_root",
		"pid", "connection", "msec", "time_iso8601", "time_local", "remote_addr", "remote_port":
		return true
	}
	return false
}

// variables lists the names of the $variables and ${variables} in s.
func variables(s string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(s, "$")
		if !ok {
			return out
		}
		rest = strings.TrimPrefix(rest, "{")
		n := 0
		for n < len(rest) && isWordByte(rest[n]) {
			n++
		}
		if n > 0 {
			out = append(out, rest[:n])
		}
		s = rest[n:]
	}
}
