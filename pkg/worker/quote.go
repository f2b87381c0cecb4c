package worker

import "strings"

// isName accepts what is safe as a pool, user, group or ini setting name.
func isName(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && (i == 0 || !strings.ContainsRune("-_.", rune(s[i]))) && s[i] != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// isEnvName accepts POSIX environment names.
func isEnvName(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '_' {
			return false
		}
	}
	return s != "" && (s[0] < '0' || s[0] > '9') && len(s) <= 128
}

func isEnvValue(s string) bool { return !strings.Contains(s, "\x00") }

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// quoteINI writes s as a literal of php-fpm's configuration language, or
// reports that it has none. Single quotes take everything literally but have
// no escape, so a value with a single quote needs double quotes, where '$',
// '"' and '\' would mean something.
func quoteINI(s string) (string, bool) {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return "", false
		}
	}
	if s == "" {
		return `""`, true // php-fpm takes '' for no value at all and refuses it
	}
	if !strings.Contains(s, "'") {
		return "'" + s + "'", true
	}
	if !strings.ContainsAny(s, `"$\`) {
		return `"` + s + `"`, true
	}
	return "", false
}
