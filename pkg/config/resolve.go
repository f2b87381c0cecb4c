package config

import (
	"maps"
	"reflect"
	"strings"
)

// resolve gives every location the values of its site that it does not set
// itself, and writes names and patterns in one way. set holds the paths of the
// keys the file writes.
func resolve(c *Config, set map[string]bool) {
	for i := range c.Sites {
		s := &c.Sites[i]
		lowerHosts(s.Hosts)
		resolveTLS(s, set)
		if s.Name == "" {
			s.Name = "default"
			if len(s.Hosts) > 0 {
				s.Name = s.Hosts[0]
			}
		}
		for j := range s.Locations {
			l := &s.Locations[j]
			if m, err := parseMatch(l.Match); err == nil {
				l.Match = m.String()
			}
			inherit(l, s, func(key string) bool { return set[join(l.Pos.Path, key)] })
		}
	}
}

// lowerHosts writes host names in lower case; regexes stay as they are.
func lowerHosts(hosts []string) {
	for i, h := range hosts {
		if !strings.HasPrefix(h, "~") {
			hosts[i] = strings.ToLower(h)
		}
	}
}

// inherit copies the values of s into l by name, as the inherit tags say. Maps
// are merged, and what l holds wins. has reports whether l sets a key itself;
// nil means it sets none.
func inherit(l *Location, s *Site, has func(key string) bool) {
	lv, sv := reflect.ValueOf(l).Elem(), reflect.ValueOf(s).Elem()
	site := map[string]reflect.Value{}
	for _, f := range fieldsOf(sv.Type()) {
		site[f.name] = sv.Field(f.index)
	}
	for _, f := range fieldsOf(lv.Type()) {
		own := has != nil && has(f.name)
		switch {
		case !f.inherit:
		case f.name == "root" && l.Alias != "":
			// An alias takes the place of the site's root.
		case f.typ.Kind() == reflect.Map:
			merge(lv.Field(f.index), site[f.name])
		case !own:
			lv.Field(f.index).Set(clone(site[f.name]))
		}
	}
}

// merge sets dst to a new map with the pairs of src and, above them, its own.
func merge(dst, src reflect.Value) {
	if src.Len() == 0 {
		return
	}
	out := map[string]string{}
	maps.Copy(out, src.Interface().(map[string]string))
	maps.Copy(out, dst.Interface().(map[string]string))
	dst.Set(reflect.ValueOf(out))
}

// clone copies a slice so that two places never share one; other values are
// copies already.
func clone(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Slice || v.IsNil() {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(out, v)
	return out
}
