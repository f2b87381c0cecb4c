package worker

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// controlTimeout is how long php-fpm lets its workers finish after SIGQUIT
// before it kills them. Without it a "graceful" stop cuts running requests off
// at once. It is as good as for ever, because Stop keeps the time.
const controlTimeout = 24 * time.Hour

// confFile renders php-fpm's configuration. c has been validated; socket is a
// path without control characters.
func confFile(c *Config, id identity, socket string) string {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s = %s\n", key, value) }

	b.WriteString("; written by fcgigw, read once, gone with the pool\n[global]\n")
	line("daemonize", "no")
	line("error_log", "/proc/self/fd/2")
	line("log_limit", "65535")
	line("process_control_timeout", seconds(controlTimeout))

	fmt.Fprintf(&b, "\n[%s]\n", c.Name)
	if id.switches {
		line("user", id.user)
		line("group", id.group)
	}
	// The master binds the socket and the workers inherit it, so the workers'
	// user needs no access to it nor to its directory.
	socketLit, _ := quoteINI(socket)
	line("listen", socketLit)
	line("listen.mode", "0660")
	line("listen.owner", strconv.Itoa(id.ownUID))
	line("listen.group", strconv.Itoa(id.ownGID))
	line("pm", "static")
	line("pm.max_children", strconv.Itoa(c.Count))
	line("pm.max_requests", strconv.Itoa(c.MaxRequests))
	line("request_terminate_timeout", seconds(c.RequestTimeout))
	line("catch_workers_output", "no") // scripts' stderr goes through FastCGI
	line("decorate_workers_output", "no")
	line("security.limit_extensions", ".php")
	line("clear_env", "yes")
	writeEnv(line, c.Env)
	for _, name := range slices.Sorted(maps.Keys(c.INI)) {
		value, _ := quoteINI(c.INI[name])
		line("php_admin_value["+name+"]", value)
	}
	return b.String()
}

// writeEnv refers to the values by name: php-fpm takes env[A] = $B from its
// own environment, which needs no quoting. masterEnv puts them there.
func writeEnv(line func(key, value string), env map[string]string) {
	for i, name := range slices.Sorted(maps.Keys(env)) {
		line("env["+name+"]", "$"+envAlias(i))
	}
}

// masterEnv is the environment of the master: the workers' values under
// aliases, so that a name such as LD_PRELOAD or PHPRC means nothing to the
// master, which may be root.
func masterEnv(env map[string]string) []string {
	list := []string{"PATH=" + defaultPath, "LC_ALL=C"}
	for i, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, envAlias(i)+"="+env[name])
	}
	return list
}

func envAlias(i int) string { return "FCGIGW_ENV_" + strconv.Itoa(i) }

// seconds writes d as php-fpm reads a time, rounded up to whole seconds.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10) + "s"
}
