// Command culprit reads what an outage left behind and names the cause, with the lines that prove it.
//
//	collect ──bytes with a name──▶ parsers ──records──▶ correlate ──incident──▶ rules ──report──▶ report
//
// This package only wires them: commands, flags, exit codes.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // --tz must work on a host without zone files
)

func main() {
	debug.SetGCPercent(paceOfSmall)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
