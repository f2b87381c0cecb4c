package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/gateway"
)

// phpServer are the flags of php-server.
type phpServer struct {
	root, listen string
	scripts      []string
	workers      int
	user, group  string
	allowRoot    bool
	print        bool
}

func phpServerCommand() *cobra.Command {
	var p phpServer
	c := &cobra.Command{
		Use:   "php-server [DIR]",
		Short: "Serve a directory with a php-fpm of its own, without a configuration",
		Long: `Serve a directory: files as they are, everything else through its front controller
/index.php, run by a php-fpm that is found on this machine, started on a private
unix socket and stopped with the gateway.

Only the scripts named with --scripts run; every other .php file is a 404 and
its source is never shown. Run as root, the workers are www-data's (or --user's).`,
		Example: `  fcgigw php-server
  fcgigw php-server ./public --listen :8080
  fcgigw php-server /var/www/wordpress --scripts '/**.php'
  fcgigw php-server ./public --print-config > fcgigw.toml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := pathArg(c, "root", &p.root, args); err != nil {
				return err
			}
			return p.run(c)
		},
	}
	f := c.Flags()
	f.StringVarP(&p.root, "root", "r", ".", "directory to serve; the same as DIR")
	f.StringVarP(&p.listen, "listen", "l", "127.0.0.1:8080", "address to listen on")
	f.StringSliceVar(&p.scripts, "scripts", []string{"/index.php"}, "scripts that may run; patterns with * and **")
	f.IntVar(&p.workers, "workers", 0, "php-fpm workers (0: two for each CPU, at least 4)")
	f.StringVar(&p.user, "user", "", "user of the workers, when started by root")
	f.StringVar(&p.group, "group", "", "group of the workers, when started by root")
	f.BoolVar(&p.allowRoot, "allow-root", false, "let the workers run as root")
	f.BoolVar(&p.print, "print-config", false, "print the configuration this stands for, and exit")
	_ = c.MarkFlagDirname("root")
	return c
}

func (p *phpServer) run(c *cobra.Command) error {
	root, err := p.directory()
	if err != nil {
		return err
	}
	text := p.config(root)
	cfg, err := p.parse(text)
	if err != nil {
		return err
	}
	if p.print {
		fmt.Fprint(c.OutOrStdout(), text)
		return nil
	}
	if err := p.reachable(root); err != nil {
		return err
	}
	err = serve(c.Context(), cfg, "", p.allowRoot, func() {
		fmt.Fprintf(c.ErrOrStderr(), "fcgigw serves %s at %s; %s. Ctrl-C stops it.\n",
			root, shownAddress(p.listen), shownScripts(p.scripts))
	})
	if err != nil && !errors.Is(err, errConfig) {
		return errors.New(strings.Join(flagMistakes(err), "\n"))
	}
	return err
}

// directory returns the absolute path of the root.
func (p *phpServer) directory() (string, error) {
	root, err := filepath.Abs(p.root)
	if err != nil {
		return "", err
	}
	fi, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", usageError("--root %s: no such directory", p.root)
	case errors.Is(err, syscall.ENOTDIR), err == nil && !fi.IsDir():
		return "", usageError("--root %s: it is a file, not a directory", p.root)
	case err != nil:
		return "", usageError("--root: %v", err)
	}
	return root, nil
}

// parse checks the configuration that the flags stand for. Its mistakes name
// the flags, since nobody has seen its lines.
func (p *phpServer) parse(text string) (*config.Config, error) {
	if p.workers < 0 {
		return nil, usageError("--workers %d: must be at least 1, or 0 for two for each CPU", p.workers)
	}
	cfg, err := config.Parse("php-server", []byte(text), func(string) (string, bool) { return "", false })
	if err == nil {
		err = gateway.Check(cfg)
	}
	if err != nil {
		return nil, usageError("%s", strings.Join(flagMistakes(err), "\n"))
	}
	return cfg, nil
}

// flagMistakes turns mistakes of the configuration into those of the flags that
// it was made from.
func flagMistakes(err error) (lines []string) {
	for _, e := range leaves(err) {
		var at config.Error
		if !errors.As(e, &at) {
			lines = append(lines, e.Error())
			continue
		}
		flag, msg := flagOf(at.Path), at.Msg
		if _, rest, ok := strings.Cut(msg, ": "); ok && flag != "" {
			msg = flag + ": " + rest
		}
		lines = append(lines, msg)
	}
	return lines
}

// flagOf returns the flag that a key of the configuration comes from.
func flagOf(path string) string {
	key, _, _ := strings.Cut(path[strings.LastIndexByte(path, '.')+1:], "[")
	switch key {
	case "listen", "root", "scripts", "user", "group":
		return "--" + key
	case "count":
		return "--workers"
	}
	return ""
}

// reachable refuses a root that the workers' user cannot get at: php-fpm would
// answer "Primary script unknown" to every request.
func (p *phpServer) reachable(root string) error {
	if os.Geteuid() != 0 {
		return nil // the workers run as whoever starts the gateway
	}
	who, err := workerUser(p.user, p.group)
	if err != nil {
		return usageError("%v", err)
	}
	if at := who.stoppedAt(root, "index.php"); at != "" {
		return usageError("--root %s: the workers run as %s, who has no access to %s; give access, or name another user with --user",
			p.root, who.name, at)
	}
	return nil
}

// config writes the configuration that the flags stand for.
func (p *phpServer) config(root string) string {
	scripts := make([]string, len(p.scripts))
	for i, s := range p.scripts {
		scripts[i] = quoted(s)
	}
	text := fmt.Sprintf(`[[site]]
listen  = [%s]
root    = %s
scripts = [%s]

  [[site.location]]
  match     = "/"
  try_files = ["$uri", "$uri/", "/index.php?$args"]

  [[site.location]]
  match   = '~ \.php(/|$)'
  backend = "php"

[backend.php.workers]
`, quoted(p.listen), quoted(root), strings.Join(scripts, ", "))
	if p.workers > 0 {
		text += fmt.Sprintf("count = %d\n", p.workers)
	}
	if p.user != "" {
		text += fmt.Sprintf("user  = %s\n", quoted(p.user))
	}
	if p.group != "" {
		text += fmt.Sprintf("group = %s\n", quoted(p.group))
	}
	return text
}

// quoted writes s as a TOML string that stands for s and nothing else.
func quoted(s string) string {
	return strings.ReplaceAll(strconv.Quote(s), "${env:", "$${env:")
}

// shownAddress makes a URL that a browser understands; a unix socket stays what
// it is.
func shownAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || strings.HasPrefix(listen, "unix:") {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "80" {
		host += ":" + port
	}
	return "http://" + host + "/"
}

// shownScripts says which scripts run.
func shownScripts(scripts []string) string {
	switch {
	case slices.Contains(scripts, "/**.php"):
		return "every .php file runs"
	case len(scripts) == 1 && !strings.Contains(scripts[0], "*"):
		return "only " + scripts[0] + " runs (--scripts '/**.php' for all)"
	case len(scripts) == 0:
		return "no script runs (--scripts '/**.php' for all)"
	}
	return "only " + strings.Join(scripts, ", ") + " run (--scripts '/**.php' for all)"
}
