package vars

import (
	"os"
	"strconv"
)

// variable is one row of the table. A new variable needs a row here and a line
// in the package comment.
type variable struct {
	value  appender
	client bool          // its value is of the client's choice
	plain  bool          // its value is decoded text, which a URL must escape
	fixed  func() string // instead of value: the same for the life of the process
}

// table returns the variables by name.
func table() map[string]variable {
	t := make(map[string]variable)
	for _, part := range []map[string]variable{
		pathTable(), requestTable(), connTable(), tlsTable(), siteTable(), responseTable(), timeTable(),
	} {
		for name, v := range part {
			t[name] = v
		}
	}
	return t
}

// families returns the variables whose name ends in what they are asked for.
func families() map[string]variable {
	return map[string]variable{
		"arg_":       {value: appendArg, client: true},
		"http_":      {value: appendRequestHeader, client: true},
		"cookie_":    {value: appendCookie, client: true},
		"sent_http_": {value: appendResponseHeader, client: true},
	}
}

func siteTable() map[string]variable {
	return map[string]variable{
		"server_name": {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.ServerName...) }},
		"site":        {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.Site...) }},
		"location":    {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.Location...) }},
		"hostname":    {fixed: hostname},
		"pid":         {fixed: func() string { return strconv.Itoa(os.Getpid()) }},
	}
}

// hostname is empty where the system has no name for itself.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

func appendGroup(dst []byte, e *Env, arg string) []byte {
	return append(dst, e.group(int(arg[0]-'0'))...)
}

func appendNamed(dst []byte, e *Env, arg string) []byte {
	return append(dst, e.named(arg)...)
}
