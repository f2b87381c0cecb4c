package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that the file writes with units, as in "250ms",
// "30s", "1h30m" or "7d". Zero may be written without a unit.
type Duration time.Duration

// Size is a number of bytes that the file writes as an integer or with a
// 1024-based unit, as in "64KiB", "64KB" or "64k".
type Size int64

// durationUnit is one unit a duration may be written with.
type durationUnit struct {
	name string
	d    time.Duration
}

// durationUnits lists them, largest first.
func durationUnits() [5]durationUnit {
	return [5]durationUnit{
		{"d", 24 * time.Hour},
		{"h", time.Hour},
		{"m", time.Minute},
		{"s", time.Second},
		{"ms", time.Millisecond},
	}
}

var errDuration = errors.New(`not a duration; write a number with a unit (ms, s, m, h or d), as in "30s" or "1h30m"`)

// ParseDuration reads a duration as the file writes it. A number other than 0
// without a unit is an error that says so.
func ParseDuration(s string) (Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if digits(s) == len(s) && s != "" {
		return 0, errors.New(`a duration needs a unit; did you mean "` + s + `s"?`)
	}
	if s == "max" {
		return 0, errors.New(`"max" is not a duration; write a long one, such as "365d"`)
	}
	if s == "off" {
		return 0, errors.New(`"off" is not a duration; write 0`)
	}
	var sum time.Duration
	rest := s
	for first := true; first || rest != ""; first = false {
		d, used, err := durationPart(rest)
		if err != nil {
			return 0, err
		}
		if sum > math.MaxInt64-d {
			return 0, errors.New("a duration too long to count")
		}
		sum += d
		rest = rest[used:]
	}
	return Duration(sum), nil
}

// durationPart reads one number with its unit and says how many bytes it took.
func durationPart(s string) (time.Duration, int, error) {
	n := digits(s)
	if n == 0 {
		return 0, 0, errDuration
	}
	letters := len(s[n:]) - len(strings.TrimLeft(s[n:], "abcdefghijklmnopqrstuvwxyz"))
	for _, u := range durationUnits() {
		if s[n:n+letters] != u.name {
			continue
		}
		v, err := strconv.ParseInt(s[:n], 10, 64)
		if err != nil || v > math.MaxInt64/int64(u.d) {
			return 0, 0, errors.New("a duration too long to count")
		}
		return time.Duration(v) * u.d, n + len(u.name), nil
	}
	return 0, 0, errDuration
}

// digits counts the leading decimal digits of s.
func digits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}

// String writes d as the file would.
func (d Duration) String() string {
	if d == 0 {
		return "0"
	}
	var b strings.Builder
	rest := time.Duration(d)
	for _, u := range durationUnits() {
		if rest >= u.d {
			b.WriteString(strconv.FormatInt(int64(rest/u.d), 10) + u.name)
			rest %= u.d
		}
	}
	if b.Len() == 0 || rest != 0 {
		return time.Duration(d).String()
	}
	return b.String()
}

// ParseSize reads a size as the file writes it.
func ParseSize(s string) (Size, error) {
	n := digits(s)
	shift, ok := sizeUnit(s[n:])
	if n == 0 || !ok {
		return 0, errors.New(`not a size; write a whole number of bytes or a number with a unit (K, M, G or T), as in "64KiB"`)
	}
	v, err := strconv.ParseInt(s[:n], 10, 64)
	if err != nil || v > math.MaxInt64>>shift {
		return 0, errors.New("a size too large to count")
	}
	return Size(v << shift), nil
}

// sizeUnit returns the power of two a unit stands for.
func sizeUnit(u string) (shift uint, ok bool) {
	u = strings.ToLower(u)
	if u == "" || u == "b" {
		return 0, true
	}
	i := strings.IndexByte("kmgt", u[0])
	if i < 0 {
		return 0, false
	}
	rest := u[1:]
	return uint(i+1) * 10, rest == "" || rest == "b" || rest == "ib"
}

// String writes s as the file would, with the largest unit that fits exactly.
func (s Size) String() string {
	units := [...]string{"", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for s != 0 && s%1024 == 0 && i < len(units)-1 {
		s /= 1024
		i++
	}
	return strconv.FormatInt(int64(s), 10) + units[i]
}
