package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fcgigw/fcgigw/bench/rig"
)

// caddyVersion is the Caddy that is built if none is given.
const caddyVersion = "v2.11.9"

// findPrograms finds or builds the program of each gateway asked for. A
// gateway that cannot be had is left out, with the reason in notes.
func findPrograms(ctx context.Context, o options, module, dir string) (programs map[string]string, notes []string) {
	programs = make(map[string]string)
	for _, name := range o.gateways {
		path, err := findProgram(ctx, name, o, module, dir)
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s is left out: %v", name, err))
			continue
		}
		programs[name] = path
	}
	return programs, notes
}

func findProgram(ctx context.Context, name string, o options, module, dir string) (string, error) {
	switch {
	case name == rig.Nginx:
		return findNginx()
	case name == rig.Caddy && o.caddy != "":
		return filepath.Abs(o.caddy)
	case name == rig.Caddy:
		return buildCaddy(ctx)
	case o.fcgigw != "":
		return filepath.Abs(o.fcgigw)
	}
	return buildFcgigw(ctx, module, dir)
}

func findNginx() (string, error) {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/nginx")
}

// buildCaddy builds Caddy from its module, once for the user.
func buildCaddy(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(cache, "fcgigw-bench", caddyVersion)
	path := filepath.Join(bin, "caddy")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/caddyserver/caddy/v2/cmd/caddy@"+caddyVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "CGO_ENABLED=0")
	cmd.Dir = os.TempDir() // outside of any module
	return path, runQuietly(cmd)
}

func buildFcgigw(ctx context.Context, module, dir string) (string, error) {
	path := filepath.Join(dir, "fcgigw")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "./cmd/fcgigw")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return path, runQuietly(cmd)
}

// runQuietly shows a command's output only when it fails.
func runQuietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// moduleRoot finds the folder of the go.mod above the working directory.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", fmt.Errorf("the working directory is not in the module")
	}
	return filepath.Dir(mod), nil
}
