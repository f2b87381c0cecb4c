package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// pathArg lets the path of a flag be given as the only argument as well. Both
// may be there if they agree.
func pathArg(c *cobra.Command, flag string, path *string, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.Flags().Changed(flag) && *path != args[0] {
		return usageError("--%s %s and %s: give one path, not two", flag, *path, args[0])
	}
	*path = args[0]
	return nil
}

// usageError is a mistake in the command line.
func usageError(format string, args ...any) error {
	return &reported{fmt.Sprintf(format, args...), errConfig}
}
