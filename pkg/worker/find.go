package worker

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Find returns the path of php-fpm: "php-fpm" in $PATH, /usr/sbin or
// /usr/local/sbin, else the newest versioned one there ("php-fpm8.2",
// "php-fpm83"), else one installed beneath /opt. Relative entries of $PATH are
// skipped. The error wraps ErrNotFound and says what to install.
func Find() (string, error) {
	path, err := find(searchDirs(os.Getenv("PATH")), "/opt")
	if err != nil {
		return "", fmt.Errorf("worker: %w", err)
	}
	return path, nil
}

func searchDirs(path string) []string {
	var dirs []string
	for _, dir := range append(filepath.SplitList(path), "/usr/sbin", "/usr/local/sbin") {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func find(dirs []string, opt string) (string, error) {
	for _, dir := range dirs {
		if path := filepath.Join(dir, "php-fpm"); isExecutable(path) {
			return path, nil
		}
	}
	var found []string
	for _, dir := range dirs {
		found = append(found, globs(dir, "php-fpm[0-9]*")...)
	}
	if len(found) == 0 {
		found = globs(opt, "*/sbin/php-fpm*", "*/*/sbin/php-fpm*", "*/*/*/*/sbin/php-fpm*")
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%w in %s or %s; install it, for example with: apt install php-fpm",
			ErrNotFound, strings.Join(dirs, ", "), opt)
	}
	return slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) }), nil
}

// globs lists the executables that match one of the patterns beneath dir.
func globs(dir string, patterns ...string) []string {
	var found []string
	for _, pattern := range patterns {
		paths, _ := filepath.Glob(filepath.Join(dir, pattern)) // fails on bad patterns only
		for _, path := range paths {
			if _, ok := fpmVersion(filepath.Base(path)); ok && isExecutable(path) {
				found = append(found, path)
			}
		}
	}
	return found
}

// version orders paths: of php-fpm8.2 and php-fpm8.10 the latter is newer. A
// name without a version (beneath /opt) takes it from its path: /opt/php-8.3/,
// /opt/remi/php83/.
func version(path string) int {
	if v, ok := fpmVersion(filepath.Base(path)); ok && v > 0 {
		return v
	}
	best := 0
	for part := range strings.SplitSeq(path, "/") {
		digits := strings.TrimLeft(strings.TrimPrefix(part, "php"), "-")
		if v, ok := parseVersion(digits); ok && strings.HasPrefix(part, "php") {
			best = max(best, v)
		}
	}
	return best
}

// fpmVersion reads the version out of a file name: 8002 for "php-fpm8.2" or
// "php-fpm82", 0 for "php-fpm". It reports false for any other name.
func fpmVersion(name string) (int, bool) {
	rest, ok := strings.CutPrefix(name, "php-fpm")
	if !ok {
		return 0, false
	}
	if rest == "" {
		return 0, true
	}
	return parseVersion(rest)
}

// parseVersion turns "8.2", "8.2.1" or "82" into 8002.
func parseVersion(s string) (int, bool) {
	major, minor, dotted := strings.Cut(s, ".")
	if !dotted && len(s) > 1 {
		major, minor = s[:1], s[1:]
	}
	minor, _, _ = strings.Cut(minor, ".")
	a, err := strconv.ParseUint(major, 10, 8)
	if err != nil {
		return 0, false
	}
	if minor == "" {
		return int(a) * 1000, true
	}
	b, err := strconv.ParseUint(minor, 10, 8)
	if err != nil {
		return 0, false
	}
	return int(a)*1000 + int(b), true
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
