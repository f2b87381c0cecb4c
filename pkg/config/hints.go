package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// unknownKey explains why key is not in the table of type t, and what to write
// instead as far as that can be guessed.
func unknownKey(t reflect.Type, key string, raw any) string {
	msg := fmt.Sprintf("unknown key %q in %s", key, headerOf(t))
	if _, ok := raw.(map[string]any); ok {
		msg = fmt.Sprintf("unknown table %q in %s", key, headerOf(t))
	}
	if h := nginxHint(key); h != "" {
		return msg + "; for nginx's " + key + " write " + h
	}
	if advice, ok := notYet(key); ok {
		return msg + "; nginx's " + key + " is not supported yet" + advice
	}
	if word := otherWord(t, key); word != "" {
		return fmt.Sprintf("%s; did you mean %q?", msg, word)
	}
	if homes := homesOf(key); len(homes) > 0 {
		return msg + "; it belongs in " + strings.Join(homes, " or ")
	}
	if near := nearest(key, namesOf(t)); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", msg, near)
	}
	return msg
}

// otherWord returns what the table of type t calls a thing for which key is the
// name elsewhere, or "".
func otherWord(t reflect.Type, key string) string {
	if t != reflect.TypeFor[Backend]() {
		return ""
	}
	return map[string]string{
		"max_connections": "max_conns", "max_children": "max_conns", "connections": "max_conns", "pool_size": "max_conns",
		"max_idle": "min_idle", "keepalive_timeout": "idle_timeout", "keepalive_requests": "max_requests",
		"timeout": "read_timeout",
	}[key]
}

// namesOf lists the keys of a table.
func namesOf(t reflect.Type) []string {
	var names []string
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}

// homesOf lists the tables that know key.
func homesOf(key string) []string {
	var homes []string
	for _, tb := range tables(reflect.TypeFor[Config](), "") {
		if slices.Contains(namesOf(tb.typ), key) {
			homes = append(homes, tb.header)
		}
	}
	if slices.Contains(namesOf(reflect.TypeFor[Config]()), key) {
		homes = append(homes, "the top of the file")
	}
	return homes
}

// errNotAllowed says which values an enum knows.
func errNotAllowed(s string, enum []string) error {
	if near := nearest(s, enum); near != "" {
		return fmt.Errorf("%q is not one of %s; did you mean %q?", s, strings.Join(enum, ", "), near)
	}
	return fmt.Errorf("%q is not one of %s", s, strings.Join(enum, ", "))
}

// errNoEnum says which strings an enum knows, and which of them a boolean
// stands for.
func errNoEnum(raw any, enum []string) error {
	msg := fmt.Sprintf("wants one of \"%s\", found %s", strings.Join(enum, `", "`), found(raw))
	word := map[bool]string{true: "on", false: "off"}[raw == true]
	if _, boolean := raw.(bool); boolean && slices.Contains(enum, word) {
		msg += "; write \"" + word + "\""
	}
	return errors.New(msg)
}

// nearest returns the name that is most likely meant by a misspelled word, or
// "" if none is close. A third of the letters may differ, or all words but the
// first be missing.
func nearest(word string, names []string) string {
	best, bestDist := "", len(word)/3+1
	if len(word) > 64 {
		return ""
	}
	for _, n := range names {
		if d := distance(strings.ToLower(word), n); d < bestDist || d == bestDist && best == "" {
			best, bestDist = n, d
		}
	}
	for _, n := range names {
		if best == "" && strings.HasPrefix(n, word+"_") {
			best = n
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with a
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
