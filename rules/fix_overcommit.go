package rules

import "culprit/correlate"

var _ = registerFix(FixMaker{
	ID:   "overcommit-memory",
	Doc:  "lets Redis fork for a save although the child could in theory need as much again",
	Make: (*Case).overcommitFixes,
})

func (c *Case) overcommitFixes(h Hypothesis) []Fix {
	f := Fix{
		Title: "Let the kernel grant the fork of a save: vm.overcommit_memory = 1",
		Kind:  KindCommand,
		Text:  "printf 'vm.overcommit_memory = 1\\n' > /etc/sysctl.d/60-redis.conf && sysctl -p /etc/sysctl.d/60-redis.conf",
		Risk:  "memory is promised that may not be there: with maxmemory sized for copy-on-write it is; without, the kernel kills instead of refusing",
		Undo:  "rm /etc/sysctl.d/60-redis.conf && sysctl vm.overcommit_memory=0",
		Check: "sysctl vm.overcommit_memory",
	}
	now := ""
	var at correlate.Setting
	for _, s := range c.settings("sysctl", "vm.overcommit_memory") {
		now, at = s.Value(), s
	}
	switch {
	case now == "1":
		f.Title = "Keep vm.overcommit_memory at 1"
		f.Kind, f.Text = KindManual, lineOf(at.Ev)+" has it already."
		return []Fix{f}
	case h.Cause == "fork-cow":
		// The fork was granted and the machine died of it: this setting is hygiene beside the limits.
		f.Title += hygiene
		f.Effect.After = "forks are granted either way here: it is hygiene beside maxmemory and the save schedule"
		f.Effect.Prevents = correlate.Fail
	case h.Cause == "allocation-refused":
		f.Title = "Let the kernel promise Redis what it asks for: vm.overcommit_memory = 1"
		f.Effect.Before = "the allocation was refused; the log does not say by what"
		f.Effect.After = "granted where vm.overcommit_memory was 2; refused as before by a ulimit -v or a 32-bit build"
	case h.Cause == "fork-refused":
		f.Effect.Before = "the kernel refused the fork: saves failed, and writes with them (MISCONF)"
		f.Effect.After = "the fork is granted"
		f.Effect.Prevents = correlate.Pass
	}
	if file := c.configFile("sysctl"); file != "" && c.isFileOf(file, "sysctl") {
		f.Target = file
		return []Fix{c.patch(f, file, setINI("", "vm.overcommit_memory", "1"))}
	}
	return []Fix{f}
}

// isFileOf keeps outputs (`sysctl -a`) from being patched: a file of settings has hundreds at most.
func (c *Case) isFileOf(file, system string) bool {
	n := 0
	for _, s := range c.Settings {
		if s.System == system && s.Ev.File == file {
			n++
		}
	}
	return n > 0 && n < 200
}
