package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/gateway"
)

const defaultConfig = "/etc/fcgigw/fcgigw.toml"

func checkCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration and list every mistake in it",
		Long: `Check a configuration and list every mistake in it, as file:line:column: message.
Nothing is started and no socket opened. The files of certificates are read: one
that is no good, such as the key of another certificate, is a mistake. Warnings
tell what will not work on this machine, for the user who checks: missing files,
directories and sockets, permissions. "run" and a reload refuse some of these; the
warning says so. Run it as the gateway's user to see what the gateway will see.
The exit status is 0 when there is no mistake (warnings may be printed) and 2 when
there is.`,
		Example: `  fcgigw check fcgigw.toml && kill -HUP $(cat /run/fcgigw.pid)`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := pathArg(c, "config", &path, args); err != nil {
				return err
			}
			cfg, err := loadConfig(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			warnings, wrong := lookAtMachine(cfg)
			printWarnings(c.ErrOrStderr(), warnings)
			if len(wrong) > 0 {
				return configError(&wrong)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: ok: %s\n", path, describe(cfg))
			return nil
		},
	}
	configFlag(c, &path)
	return c
}

func configFlag(c *cobra.Command, path *string) {
	c.Flags().StringVarP(path, "config", "c", defaultConfig, "configuration file (TOML); the same as FILE")
	_ = c.MarkFlagFilename("config", "toml")
}

// loadConfig reads and checks a configuration and prints its warnings.
func loadConfig(path string, errOut io.Writer) (*config.Config, error) {
	cfg, err := config.Load(path, os.LookupEnv)
	if err == nil {
		err = gateway.Check(cfg)
	}
	if err != nil {
		return nil, configError(err)
	}
	printWarnings(errOut, cfg.Warnings)
	return cfg, nil
}

func printWarnings(out io.Writer, list config.Errors) {
	for _, w := range list {
		fmt.Fprintf(out, "%v (warning)\n", w)
	}
}

func configError(err error) error {
	return usageError("%v\n%s", err, plural(len(leaves(err)), "mistake"))
}

// leaves returns the errors that err is joined of.
func leaves(err error) (list []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		list = append(list, leaves(e)...)
	}
	return list
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func describe(cfg *config.Config) string {
	locations := 0
	for i := range cfg.Sites {
		locations += len(cfg.Sites[i].Locations)
	}
	return plural(len(cfg.Sites), "site") + ", " + plural(locations, "location") + ", " +
		plural(len(cfg.Backends), "backend")
}

func schemaCommand() *cobra.Command {
	var markdown bool
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Example: `  fcgigw schema > fcgigw.schema.json
  fcgigw schema --markdown | less`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := config.Schema()
			if markdown {
				out = config.Reference()
			}
			_, err := c.OutOrStdout().Write(out)
			return err
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "print the reference of all keys instead")
	return c
}
