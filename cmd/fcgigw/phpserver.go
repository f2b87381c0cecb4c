package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fcgigw/fcgigw/pkg/config"
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
		Use:   "php-server",
		Short: "Serve a directory with a php-fpm of its own, without a configuration",
		Long: `Serve a directory: files as they are, everything else through its front controller
/index.php, run by a php-fpm that is found on this machine, started on a private
unix socket and stopped with the gateway.

Only the scripts named with --scripts run; every other .php file is a 404 and
its source is never shown. Run as root, the workers are www-data's (or --user's).`,
		Example: `  fcgigw php-server
  fcgigw php-server --root ./public --listen :8080
  fcgigw php-server --root /var/www/wordpress --scripts '/**.php'
  fcgigw php-server --root ./public --print-config > fcgigw.toml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.run(c) },
	}
	f := c.Flags()
	f.StringVarP(&p.root, "root", "r", ".", "directory to serve")
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
	root, err := filepath.Abs(p.root)
	if err != nil {
		return err
	}
	if fi, err := os.Stat(root); err != nil || !fi.IsDir() {
		return &reported{fmt.Sprintf("--root %s: no such directory", p.root), errConfig}
	}
	text := p.config(root)
	if p.print {
		fmt.Fprint(c.OutOrStdout(), text)
		return nil
	}
	cfg, err := config.Parse("php-server", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		return configError(err)
	}
	return serve(c.Context(), cfg, "", p.allowRoot, func() {
		fmt.Fprintf(c.ErrOrStderr(), "fcgigw serves %s at http://%s/ (Ctrl-C stops it)\n", root, shownAddress(p.listen))
	})
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

// shownAddress makes an address that a browser understands.
func shownAddress(listen string) string {
	if strings.HasPrefix(listen, ":") {
		return "localhost" + listen
	}
	return listen
}
