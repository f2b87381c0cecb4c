package main

import (
	"fmt"
	"strings"
	"time"
)

// showing is what a scenario has shown.
type showing struct {
	about    []string // how it was done, a paragraph each
	findings []finding
	tables   []string // in markdown
	took     time.Duration
}

// finding is one thing that was seen.
type finding struct {
	what, seen, promise string
	good                bool
}

// describe adds a paragraph that tells how the scenario works.
func (s *showing) describe(format string, args ...any) {
	s.about = append(s.about, fmt.Sprintf(format, args...))
}

// found adds a finding with the promise that it is held against.
func (s *showing) found(what string, good bool, promise, seen string, args ...any) {
	s.findings = append(s.findings, finding{what: what, seen: fmt.Sprintf(seen, args...), promise: promise, good: good})
}

// noted adds a finding about which nothing was promised.
func (s *showing) noted(what, seen string, args ...any) {
	s.found(what, true, "", seen, args...)
}

// kept says whether every promise was.
func (s *showing) kept() bool {
	for _, f := range s.findings {
		if !f.good {
			return false
		}
	}
	return true
}

func (f finding) verdict() string {
	switch {
	case f.promise == "":
		return "–"
	case f.good:
		return "kept"
	}
	return "**broken**"
}

// markdown writes the part of the report about one scenario.
// The lines say where and when it was run, and with which programs.
func (s *showing) markdown(sc scenario, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s: %s\n\n", sc.name, sc.title)
	for _, text := range s.about {
		fmt.Fprintf(&b, "%s\n\n", text)
	}
	for _, text := range s.tables {
		fmt.Fprintf(&b, "%s\n", text)
	}
	b.WriteString("| what | seen | promised | verdict |\n|---|---|---|---|\n")
	for _, f := range s.findings {
		promise := f.promise
		if promise == "" {
			promise = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.what, strings.ReplaceAll(f.seen, "\n", "; "), promise, f.verdict())
	}
	fmt.Fprintf(&b, "\nTook %v.\n\n", s.took.Round(time.Second))
	for _, line := range lines {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	return b.String()
}

// ms writes a duration in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", milliseconds(d)) }

// mb writes bytes in megabytes.
func mb(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
