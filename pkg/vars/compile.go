package vars

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrSyntax is wrapped by the error for a "${" that is not closed or empty.
var ErrSyntax = errors.New("bad variable syntax")

// UnknownError reports a variable that does not exist.
type UnknownError struct {
	Name    string // without '$'
	Nearest string // the known name most like it, or ""
}

// Error names the variable and the nearest known one.
func (e *UnknownError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("vars: unknown variable $%s", e.Name)
	}
	return fmt.Sprintf("vars: unknown variable $%s; did you mean $%s?", e.Name, e.Nearest)
}

// Compile reads s. groups are the names of the groups that the regular
// expressions of its location and site have; a variable's own name wins over a
// group's. Errors are *UnknownError or wrap ErrSyntax.
func Compile(s string, groups ...string) (*Template, error) {
	c := compiler{table: table(), groups: groups}
	for rest := s; rest != ""; {
		var err error
		if rest, err = c.step(rest); err != nil {
			return nil, err
		}
	}
	return &Template{source: s, parts: c.parts}, nil
}

type compiler struct {
	table  map[string]variable
	groups []string
	parts  []part
}

// step takes the literal text before the next variable and that variable, and
// returns what follows.
func (c *compiler) step(s string) (rest string, err error) {
	at := strings.IndexByte(s, '$')
	if at < 0 {
		c.literal(s)
		return "", nil
	}
	c.literal(s[:at])
	name, rest, err := cutName(s[at+1:])
	if err != nil {
		return "", err
	}
	if name == "" {
		c.literal("$")
		return rest, nil
	}
	return rest, c.variable(name)
}

// cutName splits the name of a variable from s, which is behind a '$'.
func cutName(s string) (name, rest string, err error) {
	if strings.HasPrefix(s, "{") {
		name, rest, found := strings.Cut(s[1:], "}")
		if !found || name == "" || nameLen(name) != len(name) {
			return "", "", fmt.Errorf("vars: %w in %q: ${ needs a name and }", ErrSyntax, "$"+s)
		}
		return name, rest, nil
	}
	n := nameLen(s)
	if n > 0 && '1' <= s[0] && s[0] <= '9' {
		n = 1
	}
	return s[:n], s[n:], nil
}

// nameLen returns how many of the first bytes of s can be of a name.
func nameLen(s string) int {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return i
		}
	}
	return len(s)
}

// literal appends text, joined to literal text before it.
func (c *compiler) literal(s string) {
	if s == "" {
		return
	}
	if n := len(c.parts); n > 0 && c.parts[n-1].value == nil {
		c.parts[n-1].lit += s
		return
	}
	c.parts = append(c.parts, part{lit: s})
}

func (c *compiler) variable(written string) error {
	name := strings.ToLower(written)
	if v, found := c.table[name]; found {
		c.add(name, "", v)
		return nil
	}
	if len(name) == 1 && '1' <= name[0] && name[0] <= '9' {
		c.add(name, name, variable{value: appendGroup, client: true, plain: true})
		return nil
	}
	if slices.Contains(c.groups, written) {
		c.add(written, written, variable{value: appendNamed, client: true, plain: true})
		return nil
	}
	for family, v := range families() {
		if arg, found := strings.CutPrefix(name, family); found && arg != "" {
			c.add(name, arg, v)
			return nil
		}
	}
	return &UnknownError{Name: written, Nearest: c.nearest(name)}
}

func (c *compiler) add(name, arg string, v variable) {
	if v.fixed != nil {
		c.literal(v.fixed())
		return
	}
	c.parts = append(c.parts, part{name: name, arg: arg, value: v.value, client: v.client, plain: v.plain})
}

// Known returns the names of all variables, sorted, families as "http_NAME".
func Known() []string {
	var names []string
	for name := range table() {
		names = append(names, name)
	}
	for family := range families() {
		names = append(names, family+"NAME")
	}
	slices.Sort(names)
	return names
}
