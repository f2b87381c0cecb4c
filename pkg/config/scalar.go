package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// setText sets the scalar v from text as a tag or the environment writes it.
func setText(v reflect.Value, text string) error {
	switch v.Type() {
	case reflect.TypeFor[Duration]():
		d, err := ParseDuration(text)
		v.SetInt(int64(d))
		return err
	case reflect.TypeFor[Size]():
		s, err := ParseSize(text)
		v.SetInt(int64(s))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("wants true or false, found %q", text)
		}
		v.SetBool(text == "true")
		return nil
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, strconv.IntSize)
		if err != nil {
			return fmt.Errorf("wants a whole number, found %q", text)
		}
		v.SetInt(n)
		return nil
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("wants a number, found %q", text)
		}
		v.SetFloat(x)
		return nil
	}
	return errors.New("no scalar of type " + v.Type().String())
}

// setRaw sets the scalar v from a decoded TOML value other than a string that
// came from the environment. The error says what was wanted and found.
func setRaw(v reflect.Value, raw any) error {
	switch x := raw.(type) {
	case string:
		if v.Kind() == reflect.String || isUnit(v.Type()) {
			return setText(v, x)
		}
	case int64:
		return setInt(v, x)
	case bool:
		if v.Kind() == reflect.Bool {
			v.SetBool(x)
			return nil
		}
	case float64:
		if v.Kind() == reflect.Float64 {
			v.SetFloat(x)
			return nil
		}
	}
	return errWrongType(v.Type(), raw)
}

// setInt sets v from a TOML integer.
func setInt(v reflect.Value, n int64) error {
	switch {
	case v.Type() == reflect.TypeFor[Duration]() && n != 0:
		return fmt.Errorf("a duration needs a unit; did you mean \"%ds\"?", n)
	case v.Kind() == reflect.Float64:
		v.SetFloat(float64(n))
	case v.Kind() == reflect.Int || v.Kind() == reflect.Int64:
		if v.OverflowInt(n) {
			return fmt.Errorf("%d is out of range", n)
		}
		v.SetInt(n)
	default:
		return errWrongType(v.Type(), n)
	}
	return nil
}

// isUnit reports whether t is written as a number with a unit.
func isUnit(t reflect.Type) bool {
	return t == reflect.TypeFor[Duration]() || t == reflect.TypeFor[Size]()
}

// errWrongType says what t wants and what was found.
func errWrongType(t reflect.Type, raw any) error {
	if raw, ok := raw.(string); ok && t.Kind() == reflect.Slice {
		return fmt.Errorf("wants %s, found a string; write [%q]", wanted(t), raw)
	}
	if raw, ok := raw.(string); ok && (t.Kind() == reflect.Bool || t.Kind() == reflect.Int) {
		return fmt.Errorf("wants %s, found the string %q; write it without quotes", wanted(t), raw)
	}
	return fmt.Errorf("wants %s, found %s", wanted(t), found(raw))
}

// wanted names the type t as a reader of the file would.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Duration]():
		return `a duration such as "30s"`
	case reflect.TypeFor[Size]():
		return `a size such as "64KiB"`
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	}
	return "a table"
}

// found names a decoded TOML value.
func found(raw any) string {
	switch x := raw.(type) {
	case string:
		return fmt.Sprintf("the string %q", x)
	case int64:
		return fmt.Sprintf("the integer %d", x)
	case float64:
		return fmt.Sprintf("the number %v", x)
	case bool:
		return fmt.Sprintf("%t", x)
	case time.Time:
		return "a date"
	case []any:
		return "an array"
	case []map[string]any:
		return "an array of tables"
	}
	return "a table"
}

// checkRange compares a number with the bounds of its tags.
func checkRange(v reflect.Value, f field) error {
	if v.Kind() != reflect.Int && v.Kind() != reflect.Int64 {
		return nil
	}
	lo, hi := reflect.New(v.Type()).Elem(), reflect.New(v.Type()).Elem()
	if f.min != "" {
		mustText(lo, f.min, f)
	}
	if v.Int() < lo.Int() {
		return fmt.Errorf("must be at least %v, found %v", lo, v)
	}
	if f.max == "" {
		return nil
	}
	mustText(hi, f.max, f)
	if v.Int() > hi.Int() {
		return fmt.Errorf("must be at most %v, found %v", hi, v)
	}
	return nil
}
