package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// decoder fills structs from decoded TOML and collects every mistake.
type decoder struct {
	marks  *marks
	getenv func(string) (string, bool)
	errs   Errors
	set    map[string]bool // paths of the keys the file writes, right or wrong
}

// spot is where a value stands: its path in the file, and its name within the
// table for messages.
type spot struct{ path, label string }

func (s spot) key(k string) spot   { return spot{join(s.path, k), join(s.label, k)} }
func (s spot) element(i int) spot  { return spot{element(s.path, i), element(s.label, i)} }
func (s spot) inner(k string) spot { return spot{join(s.path, k), k} }

// fail notes a mistake.
func (d *decoder) fail(path, format string, args ...any) {
	d.errs = append(d.errs, NewError(d.marks.at(path), fmt.Sprintf(format, args...)))
}

// failAt notes a mistake in one value.
func (d *decoder) failAt(at spot, err error) {
	d.fail(at.path, "%s: %v", at.label, err)
}

// top decodes the whole file.
func (d *decoder) top(c *Config, raw map[string]any) {
	d.table(reflect.ValueOf(c).Elem(), raw, "")
}

// table decodes one table into the struct v, which holds its defaults.
func (d *decoder) table(v reflect.Value, raw map[string]any, path string) {
	fs := fieldsOf(v.Type())
	known := make(map[string]bool, len(fs))
	for _, f := range fs {
		known[f.name] = true
		at := spot{path: path}.inner(f.name)
		x, ok := raw[f.name]
		if ok {
			d.set[at.path] = true
			d.value(v.Field(f.index), x, at, f)
		} else if f.required {
			d.fail(path, "%s lacks the key %q", headerOf(v.Type()), f.name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(raw)) {
		if !known[k] {
			d.fail(join(path, k), "%s", unknownKey(v.Type(), k, raw[k]))
		}
	}
}

// value decodes one value of any type.
func (d *decoder) value(v reflect.Value, raw any, at spot, f field) {
	switch {
	case v.Kind() == reflect.Struct:
		d.oneTable(v, raw, at)
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		setDefaults(p.Elem())
		v.Set(p)
		d.oneTable(p.Elem(), raw, at)
	case v.Kind() == reflect.Slice && isTable(v.Type()):
		d.tableArray(v, raw, at)
	case v.Kind() == reflect.Slice:
		d.array(v, raw, at, f)
	case v.Kind() == reflect.Map:
		d.mapping(v, raw, at, f)
	default:
		d.scalar(v, raw, at, f)
	}
}

// oneTable decodes a table where exactly one is wanted.
func (d *decoder) oneTable(v reflect.Value, raw any, at spot) {
	if pos := v.FieldByName("Pos"); pos.IsValid() {
		pos.Set(reflect.ValueOf(d.marks.at(at.path)))
	}
	m, ok := raw.(map[string]any)
	if !ok {
		d.fail(at.path, "%s: wants a table, found %s; write %s", at.label, found(raw), headerOf(v.Type()))
		return
	}
	d.table(v, m, at.path)
}

// tableArray decodes an array of tables.
func (d *decoder) tableArray(v reflect.Value, raw any, at spot) {
	var list []any
	switch x := raw.(type) {
	case []any:
		list = x
	case []map[string]any:
		for _, m := range x {
			list = append(list, m)
		}
	default:
		d.fail(at.path, "%s: wants an array of tables, found %s; write %s", at.label, found(raw), headerOf(v.Type().Elem()))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, x := range list {
		setDefaults(v.Index(i))
		d.oneTable(v.Index(i), x, at.element(i))
	}
}

// array decodes an array of scalars.
func (d *decoder) array(v reflect.Value, raw any, at spot, f field) {
	list, ok := raw.([]any)
	if !ok {
		d.failAt(at, errWrongType(v.Type(), raw))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, x := range list {
		d.scalar(v.Index(i), x, at.element(i), f)
	}
}

// mapping decodes a table whose keys the file chooses.
func (d *decoder) mapping(v reflect.Value, raw any, at spot, f field) {
	m, ok := raw.(map[string]any)
	if !ok && isTable(v.Type()) {
		d.fail(at.path, "%s: wants a table, found %s; write %s", at.label, found(raw), headerOf(v.Type().Elem()))
		return
	}
	if !ok {
		d.failAt(at, errWrongType(v.Type(), raw))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		at := at.key(k)
		if err := checkFormat(f.keys, k); err != nil {
			d.failAt(at, err)
		}
		x := reflect.New(v.Type().Elem()).Elem()
		if isTable(v.Type()) {
			setDefaults(x)
			d.oneTable(x, m[k], at)
		} else {
			d.scalar(x, m[k], at, f)
		}
		v.SetMapIndex(reflect.ValueOf(k), x)
	}
}

// scalar decodes one string, number, boolean, size or duration.
func (d *decoder) scalar(v reflect.Value, raw any, at spot, f field) {
	err := d.setScalar(v, raw)
	if _, text := raw.(string); err != nil && f.enum != nil && !text {
		err = errNoEnum(raw, f.enum)
	}
	if n, number := raw.(int64); number && f.format == "mode" {
		err = fmt.Errorf("%w; write it in quotes, as in \"%04d\"", err, n)
	}
	if err == nil {
		err = checkScalar(v, f)
	}
	if err != nil {
		d.failAt(at, err)
	}
}

// setScalar sets v, with references to the environment replaced.
func (d *decoder) setScalar(v reflect.Value, raw any) error {
	s, ok := raw.(string)
	if !ok {
		return setRaw(v, raw)
	}
	text, whole, err := expandEnv(s, d.getenv)
	switch {
	case err != nil:
		return err
	case whole:
		return setText(v, text)
	case text != s && v.Kind() != reflect.String && !isUnit(v.Type()):
		return fmt.Errorf("wants %s; a reference to the environment must be the whole string", wanted(v.Type()))
	}
	return setRaw(v, text)
}

// checkScalar applies the tags of a key to its value.
func checkScalar(v reflect.Value, f field) error {
	if v.Kind() != reflect.String {
		return checkRange(v, f)
	}
	s := v.String()
	if f.enum != nil && !slices.Contains(f.enum, s) {
		return errNotAllowed(s, f.enum)
	}
	return checkFormat(f.format, s)
}
