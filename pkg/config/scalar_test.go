package config

import (
	"reflect"
	"testing"
	"time"
)

func TestScalarsAreSetFromTOMLAndFromText(t *testing.T) {
	for _, c := range []struct {
		raw  any
		text string
		want any
	}{
		{"a", "a", "a"},
		{true, "true", true},
		{int64(-5), "-5", -5},
		{1.5, "1.5", 1.5},
		{int64(2), "2", 2.0},
		{int64(0), "0", Duration(0)},
		{"5m", "5m", Duration(5 * time.Minute)},
		{int64(7), "7", Size(7)},
		{"7k", "7k", Size(7168)},
	} {
		v := reflect.New(reflect.TypeOf(c.want)).Elem()
		if err := setRaw(v, c.raw); err != nil || v.Interface() != c.want {
			t.Errorf("setRaw(%v) = %v, %v; want %v", c.raw, v, err, c.want)
		}
		v.SetZero()
		if err := setText(v, c.text); err != nil || v.Interface() != c.want {
			t.Errorf("setText(%q) = %v, %v; want %v", c.text, v, err, c.want)
		}
	}
}

func TestScalarsOfAnotherTypeAreRefused(t *testing.T) {
	for _, c := range []struct {
		raw  any
		like any
	}{
		{int64(1), "a"},
		{true, "a"},
		{"true", true},
		{int64(1), true},
		{"1", 1},
		{1.0, 1},
		{"1.5", 1.5},
		{true, Duration(0)},
		{1.5, Duration(0)},
		{int64(1), Duration(0)},
		{1.5, Size(0)},
		{time.Time{}, "a"},
		{[]any{}, "a"},
		{map[string]any{}, "a"},
	} {
		v := reflect.New(reflect.TypeOf(c.like)).Elem()
		if err := setRaw(v, c.raw); err == nil || !v.IsZero() {
			t.Errorf("setRaw(%#v) into a %T = %v, %v; want an error", c.raw, c.like, v, err)
		}
	}
	for text, like := range map[string]any{"yes": true, "1x": 1, "x": 1.5, "30": Duration(0), "-1": Size(0)} {
		if err := setText(reflect.New(reflect.TypeOf(like)).Elem(), text); err == nil {
			t.Errorf("setText(%q) into a %T succeeds", text, like)
		}
	}
}
