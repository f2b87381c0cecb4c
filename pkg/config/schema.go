package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// object is a JSON object of the schema.
type object = map[string]any

// Schema returns a JSON Schema (draft 2020-12) of the file, for editors that
// complete and check TOML by one. It ends in a newline.
func Schema() []byte {
	root := tableSchema(reflect.TypeFor[Config](), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "fcgigw configuration"
	root["$defs"] = object{
		"env": object{
			"type":        "string",
			"pattern":     `^\$\{env:[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$`,
			"description": "A value from the environment.",
		},
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic("config: schema: " + err.Error())
	}
	return b.Bytes()
}

// tableSchema describes one table.
func tableSchema(t reflect.Type, doc string) object {
	props, required := object{}, []string{}
	for _, f := range fieldsOf(t) {
		props[f.name] = keySchema(f)
		if f.required {
			required = append(required, f.name)
		}
	}
	o := object{"type": "object", "additionalProperties": false, "properties": props}
	if doc != "" {
		o["description"] = doc
	}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// keySchema describes one key.
func keySchema(f field) object {
	o := typeSchema(f.typ, f)
	o["description"] = f.doc
	if f.def != "" {
		o["default"] = jsonDefault(f)
	}
	return o
}

// typeSchema describes a type with the tags of its key.
func typeSchema(t reflect.Type, f field) object {
	inner := tableOf(t)
	switch {
	case t.Kind() == reflect.Slice && inner != nil:
		return object{"type": "array", "items": tableSchema(inner, "")}
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": typeSchema(t.Elem(), f)}
	case t.Kind() == reflect.Map && inner != nil:
		return mapSchema(tableSchema(inner, ""), f)
	case t.Kind() == reflect.Map:
		return mapSchema(typeSchema(t.Elem(), f), f)
	case inner != nil:
		return tableSchema(inner, "")
	}
	return scalarSchema(t, f)
}

// mapSchema describes a table whose keys the file chooses.
func mapSchema(value object, f field) object {
	o := object{"type": "object", "additionalProperties": value}
	if p := keyPattern(f.keys); p != "" {
		o["propertyNames"] = object{"pattern": p}
	}
	return o
}

// keyPattern returns the regular expression of a key format.
func keyPattern(format string) string {
	switch format {
	case "param":
		return `^[A-Za-z_][A-Za-z0-9_]*$`
	case "name", "ini":
		return `^[A-Za-z0-9._-]+$`
	case "token":
		return "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	}
	return ""
}

// scalarSchema describes a string, number, boolean, size or duration. All but
// plain strings may also be a reference to the environment.
func scalarSchema(t reflect.Type, f field) object {
	env := object{"$ref": "#/$defs/env"}
	switch {
	case t == reflect.TypeFor[Duration]():
		return object{"anyOf": []any{object{"type": "string", "pattern": `^(0|([0-9]+(ms|s|m|h|d))+)$`}, object{"const": 0}, env}}
	case t == reflect.TypeFor[Size]():
		return object{"anyOf": []any{bounds(t, f), object{"type": "string", "pattern": `^[0-9]+([kKmMgGtT][iI]?)?[bB]?$`}, env}}
	case t.Kind() == reflect.Bool:
		return object{"anyOf": []any{object{"type": "boolean"}, env}}
	case t.Kind() == reflect.Float64:
		return object{"anyOf": []any{object{"type": "number"}, env}}
	case t.Kind() == reflect.Int:
		return object{"anyOf": []any{bounds(t, f), env}}
	case f.enum != nil:
		return object{"anyOf": []any{object{"enum": f.enum}, env}}
	}
	return object{"type": "string"}
}

// bounds describes an integer with the bounds of its tags.
func bounds(t reflect.Type, f field) object {
	o := object{"type": "integer", "minimum": tagInt(t, f.min, f)}
	if f.max != "" {
		o["maximum"] = tagInt(t, f.max, f)
	}
	return o
}

// tagInt reads a number of type t from a tag; no text is 0.
func tagInt(t reflect.Type, text string, f field) int64 {
	v := reflect.New(t).Elem()
	if text != "" {
		mustText(v, text, f)
	}
	return v.Int()
}

// jsonDefault returns the default of a key as the file would write it.
func jsonDefault(f field) any {
	switch {
	case f.typ.Kind() == reflect.Slice:
		return strings.Split(f.def, ",")
	case f.typ.Kind() == reflect.String || isUnit(f.typ):
		return f.def
	}
	v := reflect.New(f.typ).Elem()
	mustText(v, f.def, f)
	return v.Interface()
}
