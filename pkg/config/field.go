package config

import (
	"reflect"
	"strings"
)

// field is one key of a table, read from the tags of a struct field.
type field struct {
	index    int
	typ      reflect.Type
	name     string
	def      string
	doc      string
	enum     []string
	min, max string
	required bool
	inherit  bool
	format   string
	keys     string
}

// fieldsOf lists the keys of the struct type t in order of declaration.
func fieldsOf(t reflect.Type) []field {
	fs := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		sf := t.Field(i)
		name := sf.Tag.Get("toml")
		if name == "" || name == "-" {
			continue
		}
		f := field{
			index:    i,
			typ:      sf.Type,
			name:     name,
			def:      sf.Tag.Get("default"),
			doc:      sf.Tag.Get("doc"),
			min:      sf.Tag.Get("min"),
			max:      sf.Tag.Get("max"),
			required: sf.Tag.Get("required") == "true",
			inherit:  sf.Tag.Get("inherit") == "true",
			format:   sf.Tag.Get("format"),
			keys:     sf.Tag.Get("keyformat"),
		}
		if e := sf.Tag.Get("enum"); e != "" {
			f.enum = strings.Split(e, "|")
		}
		fs = append(fs, f)
	}
	return fs
}

// isTable reports whether a key of type t is a table or holds tables.
func isTable(t reflect.Type) bool {
	return tableOf(t) != nil
}

// tableOf returns the struct behind a table, an optional table, an array of
// tables or a map of tables, and nil for any other type.
func tableOf(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Struct:
		return t
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if t.Elem().Kind() == reflect.Struct {
			return t.Elem()
		}
	}
	return nil
}

// table is one table of the file, for hints, reference and schema.
type table struct {
	header string // as the file writes it: "[http]", "[[site.location]]", "[backend.NAME]"
	doc    string
	typ    reflect.Type
}

// tables lists the tables of the struct type t and those within them, outer
// ones first.
func tables(t reflect.Type, prefix string) []table {
	var out []table
	for _, f := range fieldsOf(t) {
		inner := tableOf(f.typ)
		if inner == nil {
			continue
		}
		path := prefix + f.name
		if f.typ.Kind() == reflect.Map {
			path += ".NAME"
		}
		header := "[" + path + "]"
		if f.typ.Kind() == reflect.Slice {
			header = "[[" + path + "]]"
		}
		out = append(out, table{header: header, doc: f.doc, typ: inner})
		out = append(out, tables(inner, path+".")...)
	}
	return out
}

// headerOf returns how the file writes the table that decodes into t, and
// "the file" for the top of it.
func headerOf(t reflect.Type) string {
	for _, tb := range tables(reflect.TypeFor[Config](), "") {
		if tb.typ == t {
			return tb.header
		}
	}
	return "the file"
}

// withDefaults returns a T with the defaults of its tags.
func withDefaults[T any]() T {
	var v T
	setDefaults(reflect.ValueOf(&v).Elem())
	return v
}

// setDefaults fills the struct v, and the tables that are always there, with
// the defaults of the tags. A default that does not parse is a mistake in this
// package, so it panics.
func setDefaults(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		switch {
		case fv.Kind() == reflect.Struct:
			setDefaults(fv)
		case f.def != "":
			setDefault(fv, f)
		}
	}
}

// setDefault gives one key its default.
func setDefault(v reflect.Value, f field) {
	if v.Kind() == reflect.Slice {
		parts := strings.Split(f.def, ",")
		v.Set(reflect.MakeSlice(v.Type(), len(parts), len(parts)))
		for i, p := range parts {
			mustText(v.Index(i), p, f)
		}
		return
	}
	mustText(v, f.def, f)
}

// mustText sets v from a tag.
func mustText(v reflect.Value, text string, f field) {
	if err := setText(v, text); err != nil {
		panic("config: tag of " + f.name + ": " + err.Error())
	}
}
