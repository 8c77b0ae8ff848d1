package correlate

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"culprit/parsers"
)

// Instance is one Redis server: its snapshots, log and configuration, joined by port, pid, run id or file name.
type Instance struct {
	Host, Name string // Name is what tells it from its siblings: "6379", "sessions", "" when there is one
	Port       parsers.Opt
	Snapshots  []Snapshot // in order of time; unplaced ones by uptime, at the front
	Log        []RedisEvent
	Config     map[string]Setting // last active directive of redis.conf, by name
	ConfigFile string             // "" = not in the input
}

// Snapshot is one INFO reply. Unknown fields are unknown Opts.
type Snapshot struct {
	At     time.Time
	Placed bool // At is known
	Info   *parsers.RedisInfo
	Pos    parsers.Pos
	Text   string

	Used, RSS, Max, Total parsers.Opt // bytes
	Keys, Expires, NoTTL  parsers.Opt
	Evicted, Expired      parsers.Opt
	Hits, Misses, Ops     parsers.Opt
	ClientMem, ReplicaMem parsers.Opt // bytes
	Dataset, Startup      parsers.Opt // bytes
	Uptime, PID           parsers.Opt
	Policy, RunID         string
	Run                   int // numbered from 0; a restart begins the next
}

// RedisEvent is a placed line of a server log.
type RedisEvent struct {
	parsers.RedisEvent
	At     time.Time
	Placed bool
	Error  time.Duration
	Ev     Evidence
}

// Evidence quotes one field of the snapshot, or its used_memory line.
func (s *Snapshot) Evidence(field, note string) Evidence {
	ev := Evidence{File: s.Pos.File, Line: s.Pos.Line, Text: s.Text, Note: note}
	if s.Placed {
		ev.Time = s.At
	}
	if line := s.Info.Lines[field]; line > 0 {
		ev.Line = line
		if v, ok := s.Info.Fields[field]; ok {
			ev.Text = field + ":" + v
		} else if db, ok := s.Info.Keyspace[field]; ok {
			ev.Text = field + ":keys=" + strconv.FormatInt(db.Keys, 10) + ",expires=" + strconv.FormatInt(db.Expires, 10)
			if db.AvgTTLMS.OK {
				ev.Text += ",avg_ttl=" + strconv.FormatInt(db.AvgTTLMS.N, 10)
			}
		}
	}
	return ev
}

// KeyspaceEvidence quotes the line of the database with the most keys without expiry; where hardly a key is without (1 %),
// of the one with the most keys.
func (s *Snapshot) KeyspaceEvidence(note string) Evidence {
	best, most := "", int64(-1)
	expiring := s.Keys.OK && s.NoTTL.N*100 < s.Keys.N
	for name, db := range s.Info.Keyspace {
		n := db.Keys - db.Expires
		if expiring {
			n = db.Keys
		}
		if n > most || n == most && name < best {
			best, most = name, n
		}
	}
	return s.Evidence(best, note)
}

func (t *Timeline) instances(c *clocks) []*Instance {
	byKey := map[string]*Instance{}
	get := func(host, name string) *Instance {
		in := byKey[host+"\x00"+name]
		if in == nil {
			in = &Instance{Host: host, Name: name}
			byKey[host+"\x00"+name] = in
		}
		return in
	}
	names := t.instanceNames(c)
	for i := range t.infos {
		r := &t.infos[i]
		s := t.snapshot(c, r)
		if s.Placed && !within(s.At, c.since, c.until) {
			continue
		}
		in := get(c.hosts[r.at.File], names(r))
		in.Snapshots = append(in.Snapshots, s)
	}
	if len(byKey) == 0 && (len(t.redis) > 0 || t.hasRedisConf()) {
		get("", "")
	}
	list := make([]*Instance, 0, len(byKey))
	for _, in := range byKey {
		in.order()
		list = append(list, in)
	}
	slices.SortFunc(list, func(a, b *Instance) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name))
	})
	list = joinNameless(splitNameless(list))
	t.attachConfigs(c, list)
	t.attachLogs(c, list)
	return list
}

// instanceNames tells instances apart by instanceName, and the nodes of a cluster, which have one port on many hosts, by
// the address at which they were asked.
func (t *Timeline) instanceNames(c *clocks) func(*seen[parsers.RedisInfo]) string {
	addrs := map[string]map[string]bool{}
	key := func(r *seen[parsers.RedisInfo]) string {
		return c.hosts[r.at.File] + "\x00" + r.at.File + "\x00" + instanceName(&r.fact, r.at.File)
	}
	for i := range t.infos {
		if r := &t.infos[i]; r.fact.Addr != "" {
			if addrs[key(r)] == nil {
				addrs[key(r)] = map[string]bool{}
			}
			addrs[key(r)][r.fact.Addr] = true
		}
	}
	return func(r *seen[parsers.RedisInfo]) string {
		if r.fact.Addr != "" && len(addrs[key(r)]) > 1 {
			return r.fact.Addr
		}
		return instanceName(&r.fact, r.at.File)
	}
}

// instanceName tells instances apart by port, else by what the file's name says beside its date or number.
func instanceName(i *parsers.RedisInfo, file string) string {
	if p := i.Fields["tcp_port"]; p != "" && p != "0" {
		return p
	}
	return stem(file)
}

var (
	portInName = regexp.MustCompile(`(?:^|[^0-9])(6[34]\d\d|7\d\d\d|163\d\d)(?:[^0-9]|$)`)
	roleInName = regexp.MustCompile(`(?i)(session|sess|cache|queue|page|fpc|object|default|persist)`)
)

// stem reads a port or a role from a file's name: redis-mem-6380.log, redis-sessions.conf, info-cache.txt.
func stem(file string) string {
	base := path.Base(file)
	if m := portInName.FindStringSubmatch(base); m != nil {
		return m[1]
	}
	if m := roleInName.FindString(base); m != "" {
		return strings.TrimSuffix(strings.ToLower(m), "s")
	}
	return ""
}

func (t *Timeline) hasRedisConf() bool {
	return slices.ContainsFunc(t.settings, func(s seen[parsers.Setting]) bool { return s.fact.System == "redis" })
}

func (t *Timeline) snapshot(c *clocks, r *seen[parsers.RedisInfo]) Snapshot {
	f := &r.fact
	s := Snapshot{
		Info: f, Pos: r.at, Text: r.text,
		Used: f.Int("used_memory"), RSS: f.Int("used_memory_rss"), Max: f.Int("maxmemory"), Total: f.Int("total_system_memory"),
		Evicted: f.Int("evicted_keys"), Expired: f.Int("expired_keys"), Hits: f.Int("keyspace_hits"), Misses: f.Int("keyspace_misses"),
		Ops: f.Int("total_commands_processed"), ClientMem: f.Int("mem_clients_normal"), ReplicaMem: f.Int("mem_clients_slaves"),
		Dataset: f.Int("used_memory_dataset"), Startup: f.Int("used_memory_startup"),
		Uptime: f.Int("uptime_in_seconds"), PID: f.Int("process_id"),
		Policy: f.Fields["maxmemory_policy"], RunID: f.Fields["run_id"],
	}
	s.Keys, s.Expires = f.Totals()
	if s.Keys.OK {
		s.NoTTL = parsers.Some(s.Keys.N - s.Expires.N)
	}
	s.At, s.Placed = c.infoTime(*r)
	return s
}

// order sorts snapshots by time and numbers the runs between restarts.
func (in *Instance) order() {
	slices.SortStableFunc(in.Snapshots, func(a, b Snapshot) int {
		if a.Placed != b.Placed {
			if a.Placed {
				return 1
			}
			return -1
		}
		return cmp.Or(a.At.Compare(b.At), a.Pos.Compare(b.Pos))
	})
	in.Snapshots = dropLoading(joinParts(in.Snapshots))
	run := 0
	for i := range in.Snapshots {
		if i > 0 && restarted(&in.Snapshots[i-1], &in.Snapshots[i]) {
			run++
		}
		in.Snapshots[i].Run = run
	}
	for _, s := range in.Snapshots {
		if p := s.Info.Int("tcp_port"); p.OK && p.N > 0 {
			in.Port = p
		}
	}
	if !in.Port.OK {
		if n, err := strconv.ParseInt(in.Name, 10, 64); err == nil {
			in.Port = parsers.Some(n)
		}
	}
}

// dropLoading leaves out what a server said while it read its dump: keys and memory then grow by the disk's pace. Where it
// said nothing else, that stays.
func dropLoading(list []Snapshot) []Snapshot {
	loading := func(s Snapshot) bool { return s.Info.Fields["loading"] == "1" }
	if !slices.ContainsFunc(list, func(s Snapshot) bool { return !loading(s) }) {
		return list
	}
	return slices.DeleteFunc(list, loading)
}

// joinParts puts the sections of one reading together: INFO memory and INFO keyspace pasted one after the other.
func joinParts(list []Snapshot) []Snapshot {
	var out []Snapshot
	for _, s := range list {
		if n := len(out); n > 0 {
			last := &out[n-1]
			near := last.Pos.File == s.Pos.File && last.Placed == s.Placed && s.At.Sub(last.At).Abs() <= 2*time.Second
			if near && (last.Keys.OK != s.Keys.OK) && (last.Used.OK != s.Used.OK) {
				merged := mergeParts(last, &s)
				out[n-1] = merged
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

func mergeParts(a, b *Snapshot) Snapshot {
	mem, keys := a, b
	if b.Used.OK {
		mem, keys = b, a
	}
	s := *mem
	s.Keys, s.Expires, s.NoTTL = keys.Keys, keys.Expires, keys.NoTTL
	info := *mem.Info
	info.Keyspace = keys.Info.Keyspace
	info.Lines = map[string]int{}
	for k, v := range mem.Info.Lines {
		info.Lines[k] = v
	}
	for k, v := range keys.Info.Lines {
		info.Lines[k] = v
	}
	s.Info = &info
	return s
}

// restarted: another run id or pid, or an uptime that does not go on. A snapshot that carries neither shows a restart only
// as used_memory falling by nine tenths with lifetime counters reset.
func restarted(a, b *Snapshot) bool {
	if a.RunID != "" && b.RunID != "" {
		return a.RunID != b.RunID
	}
	if a.PID.OK && b.PID.OK && a.PID.N != b.PID.N {
		return true
	}
	if a.Uptime.OK && b.Uptime.OK {
		return b.Uptime.N < a.Uptime.N
	}
	if a.Ops.OK && b.Ops.OK {
		return b.Ops.N < a.Ops.N
	}
	// used_memory_peak never falls within a run but by CONFIG RESETSTAT.
	pa, pb := a.Info.Int("used_memory_peak"), b.Info.Int("used_memory_peak")
	if pa.OK && pb.OK {
		return pb.N < pa.N
	}
	return a.Used.OK && b.Used.OK && b.Used.N < a.Used.N/10
}

// Setting is a configuration directive with its place.
type Setting struct {
	parsers.Setting
	Ev Evidence
}

func (t *Timeline) attachConfigs(c *clocks, list []*Instance) {
	byFile := map[string]map[string]Setting{}
	var files []string
	for _, s := range t.settings {
		if s.fact.System != "redis" {
			continue
		}
		m := byFile[s.at.File]
		if m == nil {
			m = map[string]Setting{}
			byFile[s.at.File] = m
			files = append(files, s.at.File)
		}
		m[s.fact.Name] = Setting{s.fact, Evidence{File: s.at.File, Line: s.at.Line, Text: s.text}}
	}
	// A redis.conf may be nothing but comments and defaults: then only its text is there.
	for file, cfg := range t.configs {
		if cfg.system == "redis" && byFile[file] == nil {
			byFile[file] = map[string]Setting{}
			files = append(files, file)
		}
	}
	slices.Sort(files)
	for _, file := range files {
		if in := pickInstance(list, c.hosts[file], file, settingPort(byFile[file])); in != nil && in.ConfigFile == "" {
			in.Config, in.ConfigFile = byFile[file], file
		}
	}
}

func settingPort(m map[string]Setting) parsers.Opt {
	if s, ok := m["port"]; ok {
		if n, err := strconv.ParseInt(s.Value(), 10, 64); err == nil {
			return parsers.Some(n)
		}
	}
	return parsers.Opt{}
}

// pickInstance finds the server a file belongs to: by port, else by name, else the only one.
func pickInstance(list []*Instance, host, file string, port parsers.Opt) *Instance {
	if port.OK {
		for _, in := range list {
			if in.Port == port && (in.Host == host || in.Host == "" || host == "") {
				return in
			}
		}
	}
	if name := stem(file); name != "" {
		for _, in := range list {
			if in.Name == name || strings.Contains(path.Base(in.ConfigFile), name) {
				return in
			}
		}
		if len(list) > 1 {
			return nil
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return nil
}

// attachLogs gives each server log to its instance: by the port it prints, by a pid that INFO names, by file name.
func (t *Timeline) attachLogs(c *clocks, list []*Instance) {
	families := map[string]string{} // asked once a line
	family := func(file string) string {
		f, ok := families[file]
		if !ok {
			f = c.hosts[file] + "\x00" + Family(file)
			families[file] = f
		}
		return f
	}
	ports := map[string]parsers.Opt{}
	pids := map[string]map[int64]bool{}
	for _, r := range t.redis {
		key := family(r.at.File)
		if r.fact.Port.OK {
			ports[key] = r.fact.Port
		}
		if r.fact.PID.OK {
			if pids[key] == nil {
				pids[key] = map[int64]bool{}
			}
			pids[key][r.fact.PID.N] = true
		}
	}
	if len(list) == 0 {
		return
	}
	byFile := map[string]*Instance{}
	for _, r := range t.redis {
		in := byFile[r.at.File]
		if in == nil {
			key := family(r.at.File)
			if in = pickByPID(list, pids[key]); in == nil {
				in = pickInstance(list, c.hosts[r.at.File], r.at.File, ports[key])
			}
			if in == nil {
				in = list[0] // two servers, one log that names neither: its events still count, with the first
			}
			byFile[r.at.File] = in
		}
		at, err, ok := c.utc(r.at.File, r.when)
		if ok && !within(at, c.since, c.until) {
			continue
		}
		ev := Evidence{File: r.at.File, Line: r.at.Line, Text: r.text}
		if ok {
			ev.Time = at
		}
		if in.Log == nil {
			in.Log = make([]RedisEvent, 0, len(t.redis)/len(list)) // large ones: growing a long log took a twentieth of its time
		}
		in.Log = append(in.Log, RedisEvent{r.fact, at, ok, err, ev})
	}
	for _, in := range list {
		slices.SortStableFunc(in.Log, func(a, b RedisEvent) int { return a.At.Compare(b.At) })
	}
}

func pickByPID(list []*Instance, pids map[int64]bool) *Instance {
	for _, in := range list {
		for i := range in.Snapshots {
			if p := in.Snapshots[i].PID; p.OK && pids[p.N] {
				return in
			}
		}
	}
	return nil
}

// digestEnding ends the names of digests, which stand in front of the names of what was folded.
const digestEnding = ".culprit"

var rotation = regexp.MustCompile(`(?:[.-](?:\d{8}(?:-\d+)?|\d{4}-\d{2}-\d{2}|\d{1,3}))?(?:\.(?:gz|xz|bz2|zst|zip))?$`)

// Family is a file's name without rotation number, date and compression: all files of one rotated log share it, also when
// they were folded into several digests, so it tells logs apart on one host only.
func Family(file string) string {
	if i := strings.LastIndex(file, digestEnding+"/"); i >= 0 {
		file = file[i+len(digestEnding)+1:]
	}
	for {
		short := rotation.ReplaceAllString(file, "")
		if short == file {
			return file
		}
		file = short
	}
}

// Runs splits the snapshots into runs between restarts.
func (in *Instance) Runs() [][]Snapshot {
	var runs [][]Snapshot
	start := 0
	for i := range in.Snapshots {
		if i+1 == len(in.Snapshots) || in.Snapshots[i+1].Run != in.Snapshots[i].Run {
			runs = append(runs, in.Snapshots[start:i+1])
			start = i + 1
		}
	}
	return runs
}
