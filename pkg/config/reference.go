package config

import (
	"fmt"
	"reflect"
	"strings"
)

// referenceIntro stands above the tables of the reference.
const referenceIntro = `# Configuration reference

<!-- Generated from the tags in pkg/config by "go generate ./pkg/config"; do not edit. -->

The configuration is one TOML file. Every key has a default, except where the
tables below say "required". A key or table that is not listed here is an error.

- **Durations** are numbers with a unit: ` + "`\"250ms\"`, `\"30s\"`, `\"5m\"`, `\"1h30m\"`, `\"7d\"`" + `. Only ` + "`0`" + ` needs none.
- **Sizes** are bytes, as an integer or with a unit: ` + "`\"64KiB\"`, `\"64KB\"` and `\"64k\"`" + ` all mean 65536.
- **The environment**: ` + "`${env:NAME}`" + ` in any string is replaced by that variable, and ` + "`${env:NAME:-default}`" + `
  by the default if it is unset or empty. Numbers, booleans, sizes and durations may be given as a
  string that is one such reference. ` + "`$${env:`" + ` stands for the characters ` + "`${env:`" + `.
- **Inheritance**: a location takes the value of its site for each key whose default is "the site's".
  Its tables ` + "`params`, `headers` and `authorizer_params`" + ` are merged with the site's by name, and the location's entry wins.
`

// Reference returns the reference of all tables and keys as Markdown.
func Reference() []byte {
	var b strings.Builder
	b.WriteString(referenceIntro)
	for _, t := range tables(reflect.TypeFor[Config](), "") {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n", t.header, t.doc)
		b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
		for _, f := range fieldsOf(t.typ) {
			if !isTable(f.typ) {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, cell(typeName(f)), cell(defaultName(f)), cell(f.doc))
			}
		}
	}
	return []byte(b.String())
}

// cell escapes what would end a cell of a Markdown table.
func cell(s string) string {
	return strings.ReplaceAll(s, "|", `\|`)
}

// typeName describes the type of a key with its allowed values and bounds.
func typeName(f field) string {
	if f.enum != nil {
		values := "`" + strings.Join(f.enum, "`, `") + "`"
		if f.typ.Kind() == reflect.Slice {
			return "array of " + values
		}
		return values
	}
	switch f.typ.Kind() {
	case reflect.Slice:
		return "array of " + scalarName(f.typ.Elem()) + "s"
	case reflect.Map:
		return "table of " + scalarName(f.typ.Elem()) + "s"
	}
	switch {
	case f.min != "" && f.max != "":
		return fmt.Sprintf("%s, %s to %s", scalarName(f.typ), f.min, f.max)
	case f.min != "":
		return fmt.Sprintf("%s, at least %s", scalarName(f.typ), f.min)
	case f.max != "":
		return fmt.Sprintf("%s, at most %s", scalarName(f.typ), f.max)
	}
	return scalarName(f.typ)
}

// scalarName names a type in one word.
func scalarName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Duration]():
		return "duration"
	case reflect.TypeFor[Size]():
		return "size"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	}
	return "string"
}

// defaultName writes a default as the file would.
func defaultName(f field) string {
	switch {
	case f.required:
		return "required"
	case f.inherit:
		return "the site's"
	case f.typ.Kind() == reflect.Map:
		return "`{}`"
	case f.typ.Kind() == reflect.Slice && f.def == "":
		return "`[]`"
	case f.typ.Kind() == reflect.Slice:
		return "`[\"" + strings.ReplaceAll(f.def, ",", `", "`) + "\"]`"
	case f.typ.Kind() == reflect.String || isUnit(f.typ) && f.def != "0":
		return "`\"" + f.def + "\"`"
	}
	return "`" + f.def + "`"
}
