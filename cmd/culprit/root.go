package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes, the same for every command and format.
const (
	exitOK           = 0
	exitRootCause    = 1 // with --exit-code
	exitUsage        = 2
	exitInconclusive = 3 // with --exit-code
	exitUnreadable   = 4 // an input named on the command line could not be read
)

// run is the program: main gives it the process's own streams, the tests theirs.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	code := exitOK
	root := newRoot(&code)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		if ctx.Err() != nil {
			err = unreadable{errors.New("interrupted")}
		}
		fmt.Fprintf(stderr, "culprit: %v\n", err)
		var u unreadable
		if errors.As(err, &u) {
			return exitUnreadable
		}
		return exitUsage
	}
	return code
}

// unreadable is an error of an input rather than of the call.
type unreadable struct{ error }

func newRoot(code *int) *cobra.Command {
	var a analysis
	root := &cobra.Command{
		Use:   "culprit PATH...",
		Short: "Name what caused an outage, with the lines that prove it",
		Long: `culprit reads what an outage left behind - kernel log, nginx logs, Redis INFO, configuration - and names the cause,
with the lines that prove it. PATH is a folder, a file, an archive, or - for standard input.`,
		Example:       "  culprit bundle.tar.gz\n  culprit dmesg.txt access.log redis-info.txt -o report.html\n  ssh web1 dmesg -T | culprit -",
		Args:          paths,
		RunE:          func(cmd *cobra.Command, args []string) error { return a.run(cmd, args, code) },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	a.flags(root)
	root.AddCommand(newAnalyze(code), newParse(code), newRules(), newFix(code), newVerify(code), newExportCase(code), newTest(code), newWatch(code), newCollect(), newDigest(code))
	withHelp(root)
	return root
}

// paths wants at least one input, and says which there are.
func paths(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("no input: name a folder, a file, an archive, or - for standard input (culprit --help tells more)")
	}
	return nil
}
