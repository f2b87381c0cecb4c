package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/bench/rig"
)

// machineLine says what the figures were measured on.
func machineLine(at time.Time) string {
	return fmt.Sprintf("%s, %d CPUs (%s), Linux %s, %s",
		at.UTC().Format("2006-01-02 15:04 UTC"), runtime.NumCPU(), cpuModel(), kernelRelease(), runtime.Version())
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	return modelName(string(b))
}

func modelName(cpuinfo string) string {
	_, after, found := strings.Cut(cpuinfo, "model name")
	line, _, _ := strings.Cut(after, "\n")
	_, name, ok := strings.Cut(line, ":")
	if !found || !ok {
		return "unknown CPU"
	}
	return strings.TrimSpace(name)
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// versionsLine names the version of each program measured.
func versionsLine(ctx context.Context, o options, programs map[string]string, php string) string {
	var parts []string
	add := func(name, path string, args ...string) {
		if path != "" {
			parts = append(parts, name+": "+firstLine(ctx, path, args...))
		}
	}
	add("nginx", programs[rig.Nginx], "-v")
	if path := programs[rig.Caddy]; o.caddy == "" && path != "" {
		parts = append(parts, "Caddy: "+caddyVersion) // "go install" leaves it unaware of its version
	} else {
		add("Caddy", path, "version")
	}
	add("fcgigw", programs[rig.Fcgigw], "version")
	add("php-fpm", php, "-v")
	return strings.Join(parts, "; ")
}

func firstLine(ctx context.Context, path string, args ...string) string {
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil && line == "" {
		return err.Error()
	}
	return strings.TrimPrefix(line, "nginx version: ")
}
