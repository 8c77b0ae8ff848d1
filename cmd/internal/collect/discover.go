package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/shirou/gopsutil/v3/process"

	"culprit/parsers"
)

// Found is what of a host is worth watching.
type Found struct {
	Logs    []FoundLog
	Configs []FoundConfig
	Redis   []FoundRedis
	Missing []Missing
}

// Missing is what was not found, or cannot be read.
type Missing struct {
	What, Why string // and what to do about it
	Denied    bool   // it is there, and may not be read
}

// FoundLog is a log of a running service.
type FoundLog struct {
	Path, Format string // the parser's name
	How          string // which process and which line of its configuration name it
	Formats      []parsers.LogFormat
}

// FoundConfig is a configuration file, its secrets blanked.
type FoundConfig struct {
	Path, Format string
	Text         []byte
}

// FoundRedis is a running server.
type FoundRedis struct {
	URL  string // with the password that its configuration tells: not to be told
	Name string // its address, which may be
	How  string
}

// Host is a machine as it is looked at: its files below Root, its processes, and who looks.
type Host struct {
	Root      string
	Processes func(context.Context) []Proc
}

// Proc is a running process.
type Proc struct {
	PID     int32
	Name    string
	Command string // as ps prints it
	Root    string // where its files are, seen from here: below Host.Root; "" = it has those of the host
	OwnNet  bool   // its network is not the host's
}

// ThisHost is the machine that the program runs on.
func ThisHost() *Host { return &Host{Root: "/", Processes: running} }

// Bounds of what is looked at: a hosting panel has a file for each of some hundreds of sites.
const (
	maxFoundLogs    = 64 // a log that is followed costs a look every 10 ms
	maxFoundConfigs = 1000
	maxFoundConfig  = 256 << 10
	maxIncludeDepth = 20
)

// Discover looks at the running services and their configurations. It asks nobody and changes nothing.
func (h *Host) Discover(ctx context.Context) Found {
	d := &discovery{host: h, conf: map[string]bool{}, logs: map[string]bool{}}
	procs := h.Processes(ctx)
	d.nginx(procs)
	d.redis(procs)
	d.phpFPM(procs)
	if len(d.Logs) > maxFoundLogs {
		d.newestLogs()
	}
	return d.Found
}

type discovery struct {
	Found
	host *Host
	conf map[string]bool // configurations that are known, by path
	logs map[string]bool
}

func (d *discovery) miss(what, why string, args ...any) {
	d.Missing = append(d.Missing, Missing{What: what, Why: fmt.Sprintf(why, args...)})
}

// unread says that a file cannot be read, and what would help.
func (d *discovery) unread(file string, err error) {
	d.Missing = append(d.Missing, Missing{file, Remedy(file, err), errors.Is(err, fs.ErrPermission)})
}

// log takes a log that a process writes, if it is a file that can be read or may yet come.
func (d *discovery) log(l FoundLog, root string) {
	l.Path = filepath.Join(d.host.Root, root, l.Path)
	if d.logs[l.Path] {
		return
	}
	d.logs[l.Path] = true
	info, err := os.Stat(l.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it is waited for
	case err != nil:
		d.unread(l.Path, err)
		return
	case info.IsDir() || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0:
		d.miss(l.Path, "%s names it, and it is %s, which cannot be followed; in a container its output is in docker logs", l.How, kindOf(info.Mode()))
		return
	default:
		f, err := os.Open(l.Path)
		if err != nil {
			d.unread(l.Path, err)
			return
		}
		f.Close()
	}
	d.Logs = append(d.Logs, l)
}

// Remedy says what keeps a file from being read, and what would help.
func Remedy(file string, err error) string {
	err = plainError(err)
	if !errors.Is(err, fs.ErrPermission) {
		return err.Error()
	}
	group := ""
	if info, err := os.Stat(file); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode()&0o040 != 0 && st.Gid != 0 {
			if g, err := user.LookupGroupId(strconv.Itoa(int(st.Gid))); err == nil {
				group = fmt.Sprintf(", or join the group that may read it (usermod -aG %s USER) and log in again", g.Name)
			}
		}
	}
	return "permission denied: run as root" + group
}

// newestLogs keeps the logs that were written last.
func (d *discovery) newestLogs() {
	written := func(l FoundLog) int64 {
		if info, err := os.Stat(l.Path); err == nil {
			return info.ModTime().UnixNano()
		}
		return 0
	}
	slices.SortStableFunc(d.Logs, func(a, b FoundLog) int { return cmp.Compare(written(b), written(a)) })
	d.miss(fmt.Sprintf("%d more logs", len(d.Logs)-maxFoundLogs), "%d are followed at most, those written to last; name others with --access-log and --error-log", maxFoundLogs)
	d.Logs = d.Logs[:maxFoundLogs]
}

// read reads one configuration file of a process, and keeps it, blanked.
func (d *discovery) read(root, file, format string) ([]byte, error) {
	full := filepath.Join(d.host.Root, root, file)
	info, err := os.Stat(full)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("is %s, not a file", kindOf(info.Mode()))
	}
	if info.Size() > maxFoundConfig {
		return nil, fmt.Errorf("%d KiB; more than %d are no configuration", info.Size()>>10, maxFoundConfig>>10)
	}
	text, err := os.ReadFile(full)
	if err != nil {
		return nil, err
	}
	if !d.conf[full] && len(d.conf) < maxFoundConfigs {
		d.conf[full] = true
		d.Configs = append(d.Configs, FoundConfig{Path: full, Format: format, Text: Blank(text)})
	}
	return text, nil
}

// running lists the processes that may write what is looked for.
func running(ctx context.Context) []Proc {
	all, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return nil
	}
	var out []Proc
	for _, p := range all {
		name, err := p.NameWithContext(ctx)
		if err != nil || !slices.ContainsFunc(matter, func(s string) bool { return strings.HasPrefix(name, s) }) {
			continue
		}
		command, _ := p.CmdlineWithContext(ctx)
		proc := Proc{PID: p.Pid, Name: name, Command: command}
		if other(p.Pid, "mnt") {
			proc.Root = fmt.Sprintf("/proc/%d/root", p.Pid)
		}
		proc.OwnNet = other(p.Pid, "net")
		out = append(out, proc)
	}
	slices.SortFunc(out, func(a, b Proc) int { return cmp.Compare(a.PID, b.PID) })
	return out
}

// other says whether a process is known to have a namespace of its own: it runs in a container.
func other(pid int32, kind string) bool {
	its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	ours, err2 := os.Readlink("/proc/self/ns/" + kind)
	return err == nil && err2 == nil && its != ours
}

// who names a process for a person.
func (p Proc) who() string {
	text := fmt.Sprintf("%s, pid %d", printable(p.Name), p.PID)
	if p.Root != "" {
		text += " in a container"
	}
	return text
}

// option gives the value of an option of one letter in a command line, from "-c x" or "-cx".
func option(words []string, letter string) string {
	for i, w := range words {
		rest, ok := strings.CutPrefix(w, "-"+letter)
		switch {
		case !ok || strings.HasPrefix(w, "--"):
		case rest != "":
			return rest
		case i+1 < len(words):
			return words[i+1]
		}
	}
	return ""
}

// below makes a configured path absolute.
func below(dir, file string) string {
	if path.IsAbs(file) {
		return path.Clean(file)
	}
	return path.Join(dir, file)
}
