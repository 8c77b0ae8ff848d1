package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"culprit/cmd/internal/collect"
)

// collecting are the flags of collect.
type collecting struct {
	output, redis string
	window        time.Duration
	bundler       collect.Bundler
	host          *collect.Host // where a Redis is looked for when none is named; nil = nowhere
}

func newCollect() *cobra.Command {
	return collectCommand(collecting{bundler: collect.Bundler{Root: "/", Run: runCommand}, host: collect.ThisHost()})
}

func collectCommand(c collecting) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "collect -o BUNDLE",
		Short: "Take from this host, in one read-only pass, what an analysis needs",
		Long: `collect writes a tar.gz of this host's kernel log, logs of the web server, Redis and PHP, their configuration, the state of
its memory, and what a running Redis tells. It changes nothing. Passwords in configurations and ids in
names of keys are replaced; logs are taken as they are. culprit BUNDLE reads it.`,
		Example: "  culprit collect -o bundle.tar.gz\n  culprit collect -o bundle.tar.gz --redis redis://127.0.0.1:6379 --window 72h",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVarP(&c.output, "output", "o", "", "the file to write, a new one: bundle.tar.gz")
	f.StringVar(&c.redis, "redis", "", "a Redis to ask; the URL is as in watch; without it the one that runs here is asked")
	f.DurationVar(&c.window, "window", 48*time.Hour, "leave logs that were last written before")
	return cmd
}

// run prints what is taken, and what cannot be.
func (c *collecting) run(cmd *cobra.Command) error {
	if c.output == "" {
		return errors.New("name the file to write: culprit collect -o bundle.tar.gz")
	}
	out, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	b := c.bundler
	b.Since = time.Now().Add(-c.window)
	b.Tell = func(name string, bytes int64, err error) {
		if err != nil {
			fmt.Fprintf(out, "not whole  %q: %v\n", name, err)
			return
		}
		fmt.Fprintf(out, "took       %s, %d bytes\n", name, bytes)
	}
	if c.redis == "" && c.host != nil {
		for i, r := range c.host.Discover(cmd.Context()).Redis {
			if i > 0 {
				fmt.Fprintf(out, "not asked  Redis %s: one at a time; name it with --redis for a bundle of its own\n", r.Name)
				continue
			}
			fmt.Fprintf(out, "asking     Redis %s, found by %s\n", r.Name, r.How)
			c.redis = r.URL
		}
	}
	if c.redis == "" {
		fmt.Fprintln(out, "not asked  Redis: --redis names none, and none was found running")
	} else {
		c.redis = withPassword(c.redis, os.Getenv("REDISCLI_AUTH"))
		r, err := collect.OpenRedis(c.redis, func(text string) { fmt.Fprintf(stderr, "culprit: %s\n", text) })
		if err != nil {
			return err
		}
		defer r.Close()
		b.Redis = r
	}
	f, err := os.OpenFile(c.output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	err = b.Write(cmd.Context(), f)
	if err := cmp.Or(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.output)) // half a bundle would be taken for a whole one
	}
	_, err = fmt.Fprintf(out, "written    %s; read it with: culprit %s\n", c.output, c.output)
	return err
}

// runCommand runs a command of this host in the C locale, whose output the parsers know best.
func runCommand(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=")
	cmd.WaitDelay = time.Second
	return cmd.Output()
}
