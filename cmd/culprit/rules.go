package main

import (
	"github.com/spf13/cobra"
)

// newRules lists what can be found and named.
func newRules() *cobra.Command {
	return &cobra.Command{
		Use:   "rules [ID]",
		Short: "List the causes and rules, or tell one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return nil
		},
	}
}
