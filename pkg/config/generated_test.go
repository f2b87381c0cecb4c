package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	for file, want := range map[string][]byte{
		"../../docs/config.md":             Reference(),
		"../../configs/fcgigw.schema.json": Schema(),
	} {
		if update() {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date; run go generate ./pkg/config", file)
		}
	}
}

// schemaOf returns the part of the schema that describes a table.
func schemaOf(t *testing.T, root map[string]any, header string) map[string]any {
	t.Helper()
	at := root
	for _, part := range strings.Split(strings.Trim(header, "[]"), ".") {
		if part == "NAME" {
			at = at["additionalProperties"].(map[string]any)
			continue
		}
		at = at["properties"].(map[string]any)[part].(map[string]any)
		if items, ok := at["items"]; ok {
			at = items.(map[string]any)
		}
	}
	return at
}

func TestReferenceAndSchemaAgreeWithTheDefaults(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(Reference()), "\n## ")[1:] {
		header, body, _ := strings.Cut(s, "\n")
		sections[strings.Trim(header, "`")] = body
	}
	for _, tb := range tables(reflect.TypeFor[Config](), "") {
		o := schemaOf(t, root, tb.header)
		props := o["properties"].(map[string]any)
		fs := fieldsOf(tb.typ)
		if len(props) != len(fs) || o["additionalProperties"] != false {
			t.Errorf("%s: the schema has %d keys, want %d and no others", tb.header, len(props), len(fs))
		}
		for _, f := range fs {
			p := props[f.name].(map[string]any)
			if p["description"] != f.doc {
				t.Errorf("%s %s: schema says %q", tb.header, f.name, p["description"])
			}
			if isTable(f.typ) {
				continue
			}
			schemaDefault(t, defaultStructs()[tb.header].Field(f.index), p["default"], f)
			row := fmt.Sprintf("| `%s` | %s | %s | %s |\n", f.name, cell(typeName(f)), cell(defaultName(f)), cell(f.doc))
			if !strings.Contains(sections[tb.header], row) {
				t.Errorf("%s: the reference lacks %s", tb.header, row)
			}
		}
	}
}

// schemaDefault checks that the default of the schema, read as the file would
// be, is the default v.
func schemaDefault(t *testing.T, v reflect.Value, def any, f field) {
	t.Helper()
	if def == nil {
		if f.def != "" {
			t.Errorf("%s: the schema lacks the default", f.name)
		}
		return
	}
	if n, ok := def.(float64); ok {
		def = int64(n)
	}
	d := &decoder{marks: &marks{}}
	got := reflect.New(f.typ).Elem()
	d.value(got, def, spot{path: f.name, label: f.name}, f)
	if len(d.errs) > 0 || !reflect.DeepEqual(got.Interface(), v.Interface()) {
		t.Errorf("%s: the schema's default is %v %v, want %v", f.name, got, d.errs, v)
	}
}

func TestReferenceDefaultsReadBackAsTheDefaults(t *testing.T) {
	for _, tb := range tables(reflect.TypeFor[Config](), "") {
		for _, f := range fieldsOf(tb.typ) {
			text := strings.Trim(defaultName(f), "`")
			if isTable(f.typ) || f.required || f.inherit {
				continue
			}
			raw, err := tomlValue(text)
			if err != nil {
				t.Errorf("%s %s: %v", tb.header, f.name, err)
				continue
			}
			d := &decoder{marks: &marks{}}
			got := reflect.New(f.typ).Elem()
			d.value(got, raw, spot{path: f.name, label: f.name}, f)
			want := defaultStructs()[tb.header].Field(f.index)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s %s: the reference says %s, the default is %v", tb.header, f.name, text, want)
			}
		}
	}
}
