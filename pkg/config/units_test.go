package config

import (
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

// tomlValue reads one TOML value.
func tomlValue(text string) (any, error) {
	var m map[string]any
	_, err := toml.Decode("v = "+text, &m)
	return m["v"], err
}

func TestDurationsAreReadWithTheirUnits(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0":      0,
		"0s":     0,
		"250ms":  250 * time.Millisecond,
		"30s":    30 * time.Second,
		"5m":     5 * time.Minute,
		"1h":     time.Hour,
		"7d":     7 * 24 * time.Hour,
		"1h30m":  90 * time.Minute,
		"1m5ms":  time.Minute + 5*time.Millisecond,
		"2s2s":   4 * time.Second,
		"00030s": 30 * time.Second,
	} {
		got, err := ParseDuration(s)
		if err != nil || time.Duration(got) != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
}

func TestWrongDurationsAreRefused(t *testing.T) {
	for s, want := range map[string]string{
		"":                     "not a duration",
		"30":                   `needs a unit; did you mean "30s"?`,
		"s":                    "not a duration",
		"-1s":                  "not a duration",
		"+1s":                  "not a duration",
		"1.5s":                 "not a duration",
		"1 s":                  "not a duration",
		"1s ":                  "not a duration",
		"1h30":                 "not a duration",
		"1S":                   "not a duration",
		"1us":                  "not a duration",
		"9223372036854775807s": "too long",
		"99999999999999999999": "needs a unit",
		"106751d106751d":       "too long",
	} {
		_, err := ParseDuration(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseDuration(%q): %v; want %q", s, err, want)
		}
	}
}

func TestSizesCountIn1024s(t *testing.T) {
	for s, want := range map[string]Size{
		"0":      0,
		"17":     17,
		"17b":    17,
		"64KiB":  65536,
		"64KB":   65536,
		"64K":    65536,
		"64k":    65536,
		"64kib":  65536,
		"1MiB":   1 << 20,
		"8m":     8 << 20,
		"1GiB":   1 << 30,
		"2t":     2 << 40,
		"8191PB": -1,
	} {
		got, err := ParseSize(s)
		if want == -1 {
			if err == nil {
				t.Errorf("ParseSize(%q) = %d, want an error", s, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestWrongSizesAreRefused(t *testing.T) {
	for _, s := range []string{"", "k", "-1", "1.5M", "64 k", "64kk", "64kbi", "64ib", "9999999999999999999", "9007199254740992K"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", s, got)
		}
	}
}

func TestUnitsAreWrittenSoThatTheyReadBack(t *testing.T) {
	for _, s := range []string{"0", "250ms", "30s", "1m", "1h30m", "1d1h1m1s1ms"} {
		d, err := ParseDuration(s)
		if err != nil || d.String() != s {
			t.Errorf("%q is written as %q (%v)", s, d, err)
		}
	}
	for _, s := range []string{"0", "1", "1025", "64KiB", "3MiB", "1GiB", "5000TiB"} {
		n, err := ParseSize(s)
		if err != nil || n.String() != s {
			t.Errorf("%q is written as %q (%v)", s, n, err)
		}
	}
	if got := Duration(1500).String(); got != "1.5µs" {
		t.Errorf("a duration without a unit of ours is %q", got)
	}
}

func FuzzUnits(f *testing.F) {
	for _, s := range []string{"0", "30s", "1h30m", "64KiB", "7d", "9223372036854775807", "1ms1ms", "8589934592G"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDuration(s); err == nil {
			again, err := ParseDuration(d.String())
			if d < 0 || err != nil || again != d {
				t.Errorf("ParseDuration(%q) = %d, which is written as %q (%v)", s, d, d, err)
			}
		}
		if n, err := ParseSize(s); err == nil {
			again, err := ParseSize(n.String())
			if n < 0 || err != nil || again != n {
				t.Errorf("ParseSize(%q) = %d, which is written as %q (%v)", s, n, n, err)
			}
		}
	})
}
