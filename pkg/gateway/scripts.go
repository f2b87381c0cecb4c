package gateway

import (
	"slices"
	"strings"
)

// scriptSet is the allow-list of scripts a location may run.
type scriptSet struct {
	exact    []string
	patterns []string
	split    []string
}

func compileScripts(list, split []string) scriptSet {
	s := scriptSet{split: split}
	for _, p := range list {
		if strings.Contains(p, "*") {
			s.patterns = append(s.patterns, p)
		} else {
			s.exact = append(s.exact, p)
		}
	}
	return s
}

// allows reports whether the script at path, such as "/index.php", is listed.
func (s *scriptSet) allows(path []byte) bool {
	if slices.ContainsFunc(s.exact, func(e string) bool { return e == string(path) }) {
		return true
	}
	return slices.ContainsFunc(s.patterns, func(p string) bool { return glob(p, path) })
}

// glob matches path against a pattern in which "*" stands for any bytes within
// a segment and "**" for any bytes. It takes time linear in path for each star.
func glob(pattern string, path []byte) bool {
	i := strings.IndexByte(pattern, '*')
	if i < 0 {
		return pattern == string(path)
	}
	if len(path) < i || pattern[:i] != string(path[:i]) {
		return false
	}
	rest, deep := pattern[i+1:], false
	if strings.HasPrefix(rest, "*") {
		rest, deep = rest[1:], true
	}
	for path = path[i:]; ; path = path[1:] {
		if glob(rest, path) {
			return true
		}
		if len(path) == 0 || (path[0] == '/' && !deep) {
			return false
		}
	}
}
