package fpmconf

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// file is a configuration as far as it matters here.
type file struct {
	pools    []*section
	includes bool // it has other files read
}

// section is one pool.
type section struct {
	name string
	keys map[string]setting
}

// setting is the value of a key and where it stands.
type setting struct {
	value string
	line  int
}

// parse reads a file.
func parse(text string) (*file, error) {
	f := new(file)
	var in *section // nil in [global]
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == ';' || line[0] == '#':
		case line[0] == '[':
			name, _, ok := strings.Cut(line[1:], "]")
			if !ok {
				return nil, fmt.Errorf("line %d: a section lacks its \"]\"", i+1)
			}
			in = f.section(strings.Trim(strings.TrimSpace(name), `"'`))
		default:
			if err := f.set(in, line, i+1); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// section returns the pool of that name, which may go on where it was left;
// nil for [global].
func (f *file) section(name string) *section {
	if strings.EqualFold(name, "global") {
		return nil
	}
	for _, p := range f.pools {
		if p.name == name {
			return p
		}
	}
	p := &section{name: name, keys: map[string]setting{}}
	f.pools = append(f.pools, p)
	return p
}

// set notes a line "key = value"; the last of a key counts.
func (f *file) set(in *section, line string, at int) error {
	key, rest, ok := strings.Cut(line, "=")
	if !ok {
		return nil
	}
	key = strings.TrimSpace(key)
	f.includes = f.includes || key == "include"
	if in == nil {
		return nil
	}
	value, ok := unquote(strings.TrimSpace(rest))
	if !ok {
		return fmt.Errorf("line %d: %s: a quote is not closed", at, key)
	}
	in.keys[key] = setting{value, at}
	return nil
}

// unquote returns a value without quotes and without the comment behind it.
func unquote(s string) (value string, ok bool) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		value, _, ok = strings.Cut(s[1:], s[:1])
		return value, ok
	}
	value, _, _ = strings.Cut(s, ";")
	return strings.TrimSpace(value), true
}

// listen returns the pool's address. It is not known if php-fpm takes it from
// its environment.
func (p *section) listen() (addr string, known bool) {
	addr = p.expand(p.keys["listen"].value)
	if addr == "" || strings.Contains(addr, "${") {
		return "", false
	}
	if prefix := p.expand(p.keys["prefix"].value); isPath(addr) && !path.IsAbs(addr) {
		addr = path.Join(prefix, addr)
	}
	return addr, true
}

func (p *section) expand(s string) string { return strings.ReplaceAll(s, "$pool", p.name) }

// limits returns pm.max_children, and whether there is a pm.max_requests.
func (p *section) limits() (children int, recycles bool, err error) {
	set, ok := p.keys["pm.max_children"]
	if !ok {
		return 0, false, fmt.Errorf("[%s] does not set pm.max_children", p.name)
	}
	children, err = strconv.Atoi(set.value)
	if err != nil || children < 1 {
		return 0, false, fmt.Errorf("line %d: pm.max_children: %q is no number of workers", set.line, set.value)
	}
	requests, err := strconv.Atoi(p.keys["pm.max_requests"].value)
	return children, err == nil && requests > 0, nil
}
