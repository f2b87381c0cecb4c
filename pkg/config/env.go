package config

import (
	"errors"
	"fmt"
	"strings"
)

const envOpen = "${env:"

// expandEnv replaces ${env:NAME} and ${env:NAME:-default} in s, and $${env: by
// a literal ${env:. What comes from the environment is not looked at again.
// whole reports that s is one reference and nothing else, which lets a number
// be given that way.
func expandEnv(s string, getenv func(string) (string, bool)) (out string, whole bool, err error) {
	var b strings.Builder
	rest := s
	for {
		i := strings.Index(rest, envOpen)
		if i < 0 {
			b.WriteString(rest)
			return b.String(), whole, nil
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1] + envOpen)
			rest = rest[i+len(envOpen):]
			continue
		}
		b.WriteString(rest[:i])
		ref, tail, ok := strings.Cut(rest[i+len(envOpen):], "}")
		if !ok {
			return "", false, errors.New(`"${env:" lacks its "}"; write "$${env:" for the characters themselves`)
		}
		val, err := envValue(ref, getenv)
		if err != nil {
			return "", false, err
		}
		b.WriteString(val)
		whole = len(rest) == len(s) && i == 0 && tail == ""
		rest = tail
	}
}

// envValue answers the inside of one reference: NAME or NAME:-default. As in a
// shell, the default also stands in for a variable that is set but empty.
func envValue(ref string, getenv func(string) (string, bool)) (string, error) {
	name, def, hasDefault := strings.Cut(ref, ":-")
	if checkFormat("param", name) != nil {
		return "", fmt.Errorf("%q is not the name of an environment variable", name)
	}
	val, ok := "", false
	if getenv != nil {
		val, ok = getenv(name)
	}
	switch {
	case hasDefault && val == "":
		return def, nil
	case !ok:
		return "", fmt.Errorf("the environment variable %s is not set; write ${env:%s:-default} to give it a default", name, name)
	}
	return val, nil
}
