// Command fcgigw is a web server in front of php-fpm and other FastCGI
// applications.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the build; see Makefile.
var version = ""

// Exit codes.
const (
	exitFailure = 1 // it could not start, or failed while running
	exitConfig  = 2 // the configuration or the command line is wrong
)

// errConfig marks errors of the configuration or the command line.
var errConfig = errors.New("bad configuration")

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	strictCompletion(root)
	begun := false
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(errOut, err)
	if !begun || errors.Is(err, errConfig) { // not begun: no such command, or too many arguments
		return exitConfig
	}
	return exitFailure
}

// reported wraps an error whose text must stay as it is, with a class.
type reported struct {
	text  string
	class error
}

func (r *reported) Error() string { return r.text }
func (r *reported) Unwrap() error { return r.class }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "fcgigw",
		Short: "A web server in front of php-fpm and other FastCGI applications",
		Long: `fcgigw is a web server in front of php-fpm and other FastCGI applications.

It maps the locations of a TOML file to directories and to backends, and carries
requests to the backends over kept connections, as many as there are workers.`,
		Example: `  # serve a PHP directory, with a php-fpm of its own and no configuration
  fcgigw php-server ./public

  # check a configuration, then run it (without a name: /etc/fcgigw/fcgigw.toml)
  fcgigw check fcgigw.toml
  fcgigw run fcgigw.toml

  # while it runs: reload the configuration, reopen the logs, drain and stop
  kill -HUP  $(cat /run/fcgigw.pid)
  kill -USR1 $(cat /run/fcgigw.pid)
  kill -QUIT $(cat /run/fcgigw.pid)`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       buildVersion(),
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &reported{fmt.Sprintf("%v\nTry '%s --help'.", err, c.CommandPath()), errConfig}
	})
	root.AddCommand(runCommand(), checkCommand(), phpServerCommand(), versionCommand(),
		schemaCommand(), healthCommand())
	return root
}

// strictCompletion makes a shell that completion does not know a mistake; by
// itself cobra prints the help and reports success. The output must be set.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	c, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return usageError("no completion for %q; there is bash, zsh, fish and powershell", args[0])
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) {
			fmt.Fprintf(c.OutOrStdout(), "fcgigw %s\n", buildVersion())
		},
	}
}

// buildVersion returns what the build set, or what Go recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
