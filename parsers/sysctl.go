package parsers

import (
	"path"
	"strings"
)

// sysctl is the output of `sysctl -a`, sysctl.conf, or one file of /proc/sys/vm:
//
//	vm.overcommit_memory = 1
//	vm/swappiness=10
//	-net.core.somaxconn = 1024
var _ = register(Parser{
	Name:  "sysctl",
	Doc:   "sysctl -a, sysctl.conf and its directory, /proc/sys/vm/* -> setting",
	Match: matchSysctl,
	Parse: parseSysctl,
})

func matchSysctl(h *Head) int {
	hits, lines := 0, h.Texts(300)
	if len(lines) == 1 && procSysName(h.Name) != "" {
		if _, ok := smallNumber(strings.TrimSpace(string(lines[0]))); ok {
			return SureMark
		}
	}
	other := 0
	for _, line := range lines {
		s := strings.TrimSpace(line)
		if s[0] == '#' || s[0] == ';' || strings.HasPrefix(s, "sysctl: ") {
			continue
		}
		if n, _, ok := sysctlLine(s); ok && isSysctlName(n) {
			hits++
		} else {
			other++
		}
	}
	switch {
	case hits > other*3:
		return SureMark - 5
	case hits > other:
		return SureShape
	case hits >= 3:
		return SureHabit
	}
	return 0
}

func parseSysctl(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	if strings.HasSuffix(src.Name, ".conf") {
		emitConfig(src, "sysctl", text, emit)
	}
	eachTextLine(src, text, func(line string, at Pos) {
		s := strings.TrimSpace(line)
		if s == "" || s[0] == '#' || s[0] == ';' || strings.HasPrefix(s, "sysctl: ") { // sysctl: permission denied on key
			return
		}
		name, value, ok := sysctlLine(s)
		if !ok {
			if name = procSysName(src.Name); name != "" && src.Read == 1 {
				value, ok = s, true
			}
		}
		if _, prompt := promptCommand(s); prompt {
			return
		}
		if !ok {
			src.Skip(at.Line, []byte(line), "not name = value")
			return
		}
		emit(Record{At: at, Raw: []byte(line), Fact: &Setting{System: "sysctl", Name: name, Args: []string{value}}})
	})
	return nil
}

func sysctlLine(s string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(s, "=")
	name = strings.TrimPrefix(strings.TrimSpace(name), "-") // "-name = value": no complaint when the kernel lacks it
	if !ok || name == "" || strings.ContainsAny(name, " \t\"'[]{}()") {
		return "", "", false
	}
	if !strings.Contains(name, ".") {
		name = strings.ReplaceAll(name, "/", ".")
	}
	return name, strings.TrimSpace(value), strings.Contains(name, ".")
}

func isSysctlName(name string) bool {
	top, _, _ := strings.Cut(name, ".")
	switch top {
	case "vm", "kernel", "net", "fs", "dev", "user", "debug", "abi", "sunrpc", "crypto":
		return true
	}
	return false
}

// procSysName turns ".../proc/sys/vm/overcommit_memory", and that last name alone, into vm.overcommit_memory.
func procSysName(file string) string {
	base := path.Base(file)
	switch base {
	case "overcommit_memory", "overcommit_ratio", "overcommit_kbytes", "swappiness", "min_free_kbytes", "panic_on_oom", "oom_kill_allocating_task":
		return "vm." + base
	}
	return ""
}
