package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	mango "github.com/muesli/mango-cobra"
	"github.com/muesli/roff"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpTemplate opens with what to type: who asks for help wants a line to copy.
const helpTemplate = `{{.Short}}.
{{with .Example}}
Examples:
{{.}}
{{end}}{{with .Long}}
{{.}}
{{end}}
Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{flags .LocalFlags}}{{end}}{{if .HasAvailableSubCommands}}

"{{.CommandPath}} COMMAND --help" tells more about a command.{{end}}
`

// withHelp gives a tree of commands its help, its errors, its manual pages, and completion for bash, zsh, fish and
// PowerShell.
func withHelp(root *cobra.Command) {
	cobra.AddTemplateFunc("flags", func(f *pflag.FlagSet) string { return strings.TrimRight(f.FlagUsagesWrapped(helpWidth), "\n") })
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w%s (%s --help lists the flags)", err, meantFlag(cmd, err), cmd.CommandPath())
	})
	root.CompletionOptions.DisableDefaultCmd = true // ours opens its help with examples
	root.AddCommand(newMan(), newCompletion())
}

func newCompletion() *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        (*cobra.Command).GenZshCompletion,
		"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
	}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write the completion script of a shell: bash, zsh, fish or powershell",
		Example: `  culprit completion bash > /etc/bash_completion.d/culprit
  culprit completion zsh > "${fpath[1]}/_culprit"
  culprit completion fish > ~/.config/fish/completions/culprit.fish
  culprit completion powershell >> $PROFILE`,
		ValidArgs: slices.Sorted(maps.Keys(shells)),
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE:      func(cmd *cobra.Command, args []string) error { return shells[args[0]](cmd.Root(), cmd.OutOrStdout()) },
	}
}

// helpWidth fits a terminal of the usual size.
const helpWidth = 80

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man",
		Short:   "Write the manual page",
		Example: "  culprit man | man -l -\n  culprit man > /usr/local/share/man/man1/culprit.1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := mango.NewManPage(1, cmd.Root())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), page.Build(roff.NewDocument()))
			return err
		},
	}
}

// meantFlag guesses at a flag that was mistyped.
func meantFlag(cmd *cobra.Command, err error) string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return ""
	}
	like := ""
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if like == "" && distance(f.Name, unknown.GetSpecifiedName()) <= 2 {
			like = f.Name
		}
	})
	if like == "" {
		return ""
	}
	return ", did you mean --" + like + "?"
}

// nothingThere is an error when not one of the named inputs exists: a mistyped command is a path to the root command.
func nothingThere(root *cobra.Command, args []string) error {
	for _, arg := range args {
		if _, err := os.Stat(arg); arg == "-" || strings.Contains(arg, "://") || !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	for _, cmd := range root.Commands() {
		if d := distance(cmd.Name(), args[0]); d > 0 && d <= 2 {
			return unreadable{fmt.Errorf("%s: no such file or folder; did you mean culprit %s?", args[0], cmd.Name())}
		}
	}
	return unreadable{fmt.Errorf("%s: no such file or folder: name what the outage left behind (culprit collect takes it from this host)", strings.Join(args, ", "))}
}
