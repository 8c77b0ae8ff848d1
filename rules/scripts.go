package rules

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"culprit/correlate"
	"culprit/parsers"
)

// redisCall is one command that a script, a runbook or a cron job sends to Redis. Evidence of a script's line has no text,
// since a line may hold a password.
type redisCall struct {
	parsers.ScriptCommand
	Where string // "the script count.sh", "the cron job of /etc/cron.d/shop"
	Ev    correlate.Evidence
	Cron  *correlate.Placed[parsers.CronJob] // what starts it; nil = not known
}

// redisCalls lists the commands of all scripts and cron jobs, by place.
func (c *Case) redisCalls() []redisCall {
	var out []redisCall
	for _, file := range slices.Sorted(maps.Keys(c.Configs)) {
		cfg := c.Configs[file]
		if cfg.System != "script" {
			continue
		}
		cron := c.cronOf(file)
		for _, call := range readCalls(file, cfg.Text) {
			call.Where, call.Cron = "the script "+path.Base(file), cron
			if strings.HasSuffix(file, ".md") {
				call.Where = "the runbook " + path.Base(file)
			}
			out = append(out, call)
		}
	}
	for i := range c.CronJobs {
		job := &c.CronJobs[i]
		for _, call := range readCalls(job.Ev.File, []byte("#!/bin/sh\n"+job.Fact.Command+"\n")) {
			call.Where, call.Cron, call.Ev = "the cron job of "+path.Base(job.Ev.File), job, job.Ev
			call.Ev.Text = ""
			out = append(out, call)
		}
	}
	return out
}

// maxScript bounds what is read of a script: the longest runbooks seen have some thousand lines.
const maxScript = 256 << 10

// readCalls reads a script's text again: the timeline keeps texts of files, not the commands in them.
func readCalls(file string, text []byte) []redisCall {
	text = text[:min(len(text), maxScript)]
	p, ok := parsers.ByName("redis-script")
	if !ok {
		return nil
	}
	var out []redisCall
	src := &parsers.Source{Name: file, R: bytes.NewReader(text)}
	// Reading from memory cannot fail.
	_ = parsers.Read(p, src, func(r parsers.Record) {
		if s, ok := r.Fact.(*parsers.ScriptCommand); ok {
			out = append(out, redisCall{ScriptCommand: *s, Ev: correlate.Evidence{File: file, Line: r.At.Line}})
		}
	})
	return out
}

// cronOf is the cron job that runs a script of this name.
func (c *Case) cronOf(file string) *correlate.Placed[parsers.CronJob] {
	for i := range c.CronJobs {
		if slices.ContainsFunc(strings.Fields(c.CronJobs[i].Fact.Command), func(w string) bool { return path.Base(w) == path.Base(file) }) {
			return &c.CronJobs[i]
		}
	}
	return nil
}
