package parsers

import "time"

// Fact is what one record says. A fact is named for its meaning, never for its format, and carries its units in its field
// names. Unknown is never zero: counts and sizes that a line may lack are Opt, and a missing string is "".
//
// Facts are handed out by pointer, are valid only until emit returns, and marshal to the "data" of `culprit parse --json`.
type Fact interface {
	Kind() string // the "fact" of `culprit parse --json`, kebab-case
}

// Opt is a number that a log may not have given. Its zero value is unknown; it marshals to the number or is left out
// (tag fields with omitzero).
type Opt struct {
	N  int64
	OK bool
}

// Some makes a known number.
func Some(n int64) Opt { return Opt{n, true} }

// Or returns the number, or d when it is unknown.
func (o Opt) Or(d int64) int64 {
	if o.OK {
		return o.N
	}
	return d
}

// IsZero makes `json:",omitzero"` leave an unknown number out and keep a known 0.
func (o Opt) IsZero() bool { return !o.OK }

// ---- the kernel and the init system ----

// OOMKill is one kill by the kernel's OOM killer, told by however many lines the log spent on it, or a report that ends
// without a victim (VictimPID unknown). Sizes are kB of 1024 bytes, as the kernel prints them.
type OOMKill struct {
	VictimPID   Opt    `json:"victim_pid,omitzero"`
	VictimComm  string `json:"victim_comm,omitempty"`
	TotalVMKB   Opt    `json:"total_vm_kb,omitzero"`
	AnonRSSKB   Opt    `json:"anon_rss_kb,omitzero"`
	FileRSSKB   Opt    `json:"file_rss_kb,omitzero"`
	ShmemRSSKB  Opt    `json:"shmem_rss_kb,omitzero"`
	UID         Opt    `json:"uid,omitzero"`
	PgtablesKB  Opt    `json:"pgtables_kb,omitzero"`
	OOMScoreAdj Opt    `json:"oom_score_adj,omitzero"`
	Score       Opt    `json:"score,omitzero"` // the old "score N or sacrifice child"

	InvokerComm string `json:"invoker_comm,omitempty"`
	InvokerPID  Opt    `json:"invoker_pid,omitzero"` // thread id of the task that asked for memory
	GFPMask     string `json:"gfp_mask,omitempty"`
	Order       Opt    `json:"order,omitzero"`          // -1 = asked for by hand (SysRq f)
	Constraint  string `json:"constraint,omitempty"`    // global, memcg, cpuset, mempolicy, manual, unknown
	OOMMemcg    string `json:"oom_memcg,omitempty"`     // the group whose limit was hit
	TaskMemcg   string `json:"task_memcg,omitempty"`    // the victim's group
	MemcgUsage  Opt    `json:"memcg_usage_kb,omitzero"` // "memory: usage NkB"
	MemcgLimit  Opt    `json:"memcg_limit_kb,omitzero"` // unknown also when the kernel printed its "no limit" number
	MemcgFails  Opt    `json:"memcg_failcnt,omitzero"`

	RAMKB         Opt    `json:"ram_kb,omitzero"`      // pages RAM x page size: what the machine has
	ReservedKB    Opt    `json:"reserved_kb,omitzero"` // RAM - reserved = MemTotal
	SwapTotalKB   Opt    `json:"swap_total_kb,omitzero"`
	SwapFreeKB    Opt    `json:"swap_free_kb,omitzero"`
	FreeKB        Opt    `json:"free_kb,omitzero"`
	ActiveAnonKB  Opt    `json:"active_anon_kb,omitzero"`
	InactAnonKB   Opt    `json:"inactive_anon_kb,omitzero"`
	FileCacheKB   Opt    `json:"file_cache_kb,omitzero"` // active_file + inactive_file
	SlabReclKB    Opt    `json:"slab_reclaimable_kb,omitzero"`
	SlabUnreclKB  Opt    `json:"slab_unreclaimable_kb,omitzero"`
	ShmemKB       Opt    `json:"shmem_kb,omitzero"`
	PagetablesKB  Opt    `json:"pagetables_kb,omitzero"`
	KernelStackKB Opt    `json:"kernel_stack_kb,omitzero"`
	HugeKB        Opt    `json:"huge_kb,omitzero"` // set aside for huge pages, and of that
	HugeFreeKB    Opt    `json:"huge_free_kb,omitzero"`
	Kernel        string `json:"kernel,omitempty"` // "5.15.0-101-generic"
	PageSizeKB    int64  `json:"page_size_kb"`     // derived from the log; 4 when nothing in it says otherwise

	Tasks      []Task `json:"tasks,omitempty"`
	Reaped     bool   `json:"reaped,omitempty"`      // oom_reaper confirmed it
	NoKillable bool   `json:"no_killable,omitempty"` // "Out of memory and no killable processes"
	Truncated  bool   `json:"truncated,omitempty"`   // the report has a beginning or an end missing

	// Where the lines stand that prove it; a line number of 0 = the log has no such line. File is the record's.
	KillLine, InvokedLine, MemInfoLine, TasksLine, ConstraintLine, MemcgLine, SwapLine, RAMLine int    `json:"-"`
	KillText, InvokedText                                                                       string `json:"-"`
}

func (*OOMKill) Kind() string { return "oom-kill" }

// Task is a row of the OOM report's task table.
type Task struct {
	PID         int64  `json:"pid"`
	UID         Opt    `json:"uid,omitzero"`
	TotalVMKB   Opt    `json:"total_vm_kb,omitzero"`
	RSSKB       Opt    `json:"rss_kb,omitzero"`
	SwapKB      Opt    `json:"swap_kb,omitzero"`
	PgtablesKB  Opt    `json:"pgtables_kb,omitzero"`
	OOMScoreAdj Opt    `json:"oom_score_adj,omitzero"`
	Comm        string `json:"comm"`
	Line        int    `json:"line"`
}

// KernelEvent is a kernel line other than an OOM kill that bears on an incident.
type KernelEvent struct {
	Event   string `json:"event"` // audit-epoch, boot, segfault, page-allocation-failure, oom-no-victim, disk-full, io-error, hung-task, conntrack-full, syn-flood, tcp-memory, file-max, pids-limit, nfs-lost, panic
	Comm    string `json:"comm,omitempty"`
	PID     Opt    `json:"pid,omitzero"`
	EpochMS Opt    `json:"epoch_ms,omitzero"` // audit(EPOCH.ms:serial): ties the file's clock to UTC
	Text    string `json:"text,omitempty"`
}

func (*KernelEvent) Kind() string { return "kernel-event" }

// ServiceEvent is a line of systemd, systemd-oomd, earlyoom or a supervisor about a unit or a process.
type ServiceEvent struct {
	Unit    string `json:"unit,omitempty"`
	Event   string `json:"event"`            // started, stopped, failed, killed, oom-killed, oomd-killed, restarted, reloaded, child-killed, backend-down, disk-full, table-full, evicted, liveness-killed
	Result  string `json:"result,omitempty"` // oom-kill, signal, exit-code, timeout; of what a node had too little: memory, ephemeral-storage
	Signal  string `json:"signal,omitempty"` // KILL, TERM
	PID     Opt    `json:"pid,omitzero"`
	RSSKB   Opt    `json:"rss_kb,omitzero"` // what earlyoom or the kubelet says that it held
	Cgroup  string `json:"cgroup,omitempty"`
	Program string `json:"program,omitempty"` // who wrote the line: systemd, systemd-oomd, nginx, earlyoom
	Text    string `json:"text,omitempty"`
}

func (*ServiceEvent) Kind() string { return "service-event" }

// CronRun is a job that cron started (a syslog line), CronJob a line of a crontab.
type CronRun struct {
	User    string `json:"user,omitempty"`
	Command string `json:"command"`
}

func (*CronRun) Kind() string { return "cron-run" }

// ScriptCommand is a Redis command that a script or a runbook sends.
type ScriptCommand struct {
	Command   string `json:"command"` // upper case: KEYS, DEL, FLUSHALL; SCAN, BIGKEYS for redis-cli's own options
	Args      string `json:"args,omitempty"`
	Pipe      string `json:"pipe,omitempty"` // what its output is piped into: "xargs redis-cli DEL"
	When      string `json:"when,omitempty"` // the test it stands behind: "$ttl" -eq "-1"
	OnlyNoTTL bool   `json:"only_without_ttl,omitempty"`
	EndLine   int    `json:"end_line,omitempty"`
	Text      string `json:"text,omitempty"` // the whole statement, secrets blanked
}

func (*ScriptCommand) Kind() string { return "script-command" }

// CronJob is a crontab entry.
type CronJob struct {
	Schedule string `json:"schedule"` // the five fields, or @daily
	User     string `json:"user,omitempty"`
	Command  string `json:"command"`
}

func (*CronJob) Kind() string { return "cron-job" }

// ---- the web server ----

// Access is one request of an access log. Byte fields are borrowed from the line and unescaped only where the format
// demands it; an absent or "-" field is nil.
type Access struct {
	Client         []byte // address as logged; "unix:" for a socket
	User           []byte
	Method         []byte
	Path           []byte // request target with its query
	Protocol       []byte
	Request        []byte // the whole request line; Method is nil when it could not be split
	Status         int    // 0 = not logged
	Bytes          Opt
	Referer        []byte
	Agent          []byte
	AgentLogged    bool // the format has the agent: then a nil Agent is an absent header, not an unlogged one
	RefererLogged  bool
	Host           []byte
	ForwardedFor   []byte
	Cookie         []byte // any $cookie_* value; nil unless the format logs one
	CookieLogged   bool
	SetCookie      []byte // $sent_http_set_cookie
	RequestTime    OptF   // seconds
	UpstreamTime   OptF   // seconds, the last upstream's
	UpstreamStatus []byte
	UpstreamAddr   []byte
	CacheStatus    []byte
}

func (*Access) Kind() string { return "access" }

// OptF is a number that a log may not have given.
type OptF struct {
	F  float64
	OK bool
}

// SomeF makes a known number.
func SomeF(f float64) OptF { return OptF{f, true} }

// IsZero makes `json:",omitzero"` leave an unknown number out.
func (o OptF) IsZero() bool { return !o.OK }

// WebError is one message of an nginx (or Apache) error log.
type WebError struct {
	Level     string `json:"level,omitempty"`
	PID       Opt    `json:"pid,omitzero"`
	Conn      Opt    `json:"connection,omitzero"`
	Signature string `json:"signature,omitempty"` // see nginxerror.go: connect-refused, upstream-timeout, worker-killed, redis-refused, ...
	Message   string `json:"message"`             // up to the first ", client:"; continuation lines joined by \n
	Client    string `json:"client,omitempty"`
	Server    string `json:"server,omitempty"`
	Request   string `json:"request,omitempty"`
	Upstream  string `json:"upstream,omitempty"`
	Host      string `json:"host,omitempty"`
	Referer   string `json:"referrer,omitempty"`
	Zone      string `json:"zone,omitempty"` // limit_req/limit_conn zone
	Lines     int    `json:"lines,omitempty"`
}

func (*WebError) Kind() string { return "web-error" }

// AppEvent is an application's own line that names one of the causes: a refused write, a lock wait, a MISCONF.
type AppEvent struct {
	Signature string `json:"signature"` // redis-oom, redis-refused, redis-loading, redis-misconf, redis-timeout, redis-maxclients, redis-busy, redis-readonly, redis-auth, redis-cluster, session-lock, session-lock-503, memory-limit, heap-limit, disk-full, db-connections, db-gone, db-lock, name-unknown, open-files, part-missing, cert-refused, worker-timeout, worker-killed, queue-full, no-endpoint, connect-refused, upstream-timeout, no-live-upstreams, port-taken
	Program   string `json:"program,omitempty"`
	Session   string `json:"session,omitempty"` // first 8 characters at most: session ids are secrets
	WaitedS   OptF   `json:"waited_s,omitzero"`
	Text      string `json:"text,omitempty"`
}

func (*AppEvent) Kind() string { return "app-event" }

// PoolEvent is a line of PHP-FPM's log, an entry of its slow log, or a reading of its status page.
type PoolEvent struct {
	Pool   string `json:"pool,omitempty"`
	Event  string `json:"event"` // max-children, child-killed, child-exited, slow, seems-busy, started, reloaded, terminating, status, busy
	PID    Opt    `json:"pid,omitzero"`
	Signal Opt    `json:"signal,omitzero"`
	Limit  Opt    `json:"limit,omitzero"` // the max_children named
	Text   string `json:"text,omitempty"`

	// Of a status page: its workers, the requests in the socket's queue, how often max_children was reached since the start.
	Active     Opt `json:"active,omitzero"`
	Idle       Opt `json:"idle,omitzero"`
	Total      Opt `json:"total,omitzero"`
	Queued     Opt `json:"queued,omitzero"`
	MostQueued Opt `json:"most_queued,omitzero"`
	Reached    Opt `json:"max_children_reached,omitzero"`

	Script  string `json:"script,omitempty"`   // of a slow request or a busy worker
	WaitsIn string `json:"waits_in,omitempty"` // the innermost call: "curl_exec() payment.php:88"
	Seconds OptF   `json:"seconds,omitzero"`   // at its request
}

func (*PoolEvent) Kind() string { return "pool-event" }

// WebStatus is a reading of nginx's stub_status.
type WebStatus struct {
	Active   Opt `json:"active,omitzero"`
	Accepted Opt `json:"accepted,omitzero"`
	Handled  Opt `json:"handled,omitzero"` // fewer than accepted: the rest were dropped at once
	Requests Opt `json:"requests,omitzero"`
	Reading  Opt `json:"reading,omitzero"`
	Writing  Opt `json:"writing,omitzero"`
	Waiting  Opt `json:"waiting,omitzero"`
}

func (*WebStatus) Kind() string { return "web-status" }

// DiskUse is how full a file system is.
type DiskUse struct {
	Mount   string `json:"mount"`
	Device  string `json:"device,omitempty"`
	Size    string `json:"size,omitempty"` // as printed
	Avail   string `json:"avail,omitempty"`
	UsedPct Opt    `json:"used_pct,omitzero"`
	Inodes  bool   `json:"inodes,omitempty"`
}

func (*DiskUse) Kind() string { return "disk-use" }

// DBQuery is what a database was at: a row of SHOW PROCESSLIST, a transaction of SHOW ENGINE INNODB STATUS, an entry of the
// slow log.
type DBQuery struct {
	From        string `json:"from"` // processlist, innodb-status, slow-log
	ID          Opt    `json:"id,omitzero"`
	User        string `json:"user,omitempty"`
	Host        string `json:"host,omitempty"`
	Command     string `json:"command,omitempty"` // Query, Sleep, ...
	State       string `json:"state,omitempty"`
	Seconds     OptF   `json:"seconds,omitzero"`
	LockSeconds OptF   `json:"lock_seconds,omitzero"`
	Examined    Opt    `json:"rows_examined,omitzero"`
	Locks       Opt    `json:"row_locks,omitzero"` // that a transaction holds or asks for
	Waits       bool   `json:"waits,omitempty"`    // for a lock
	Text        string `json:"text,omitempty"`     // the statement, its values left out
}

func (*DBQuery) Kind() string { return "db-query" }

// Deploy is a line of a deploy log.
type Deploy struct {
	Text string `json:"text"`
}

func (*Deploy) Kind() string { return "deploy" }

// ---- Redis ----

// RedisInfo is one INFO reply, whole or in part. Fields holds every "name:value" as found; the methods read them.
type RedisInfo struct {
	Fields   map[string]string `json:"-"`
	Keyspace map[string]DB     `json:"-"`
	// Lines gives the line of a field, for evidence.
	Lines map[string]int `json:"-"`
	// Addr is the host and port of redis-cli's prompt before the reply, "" when there was none.
	Addr string `json:"-"`
}

func (*RedisInfo) Kind() string { return "redis-info" }

// DB is a dbN line of INFO keyspace. AvgTTLMS is unknown where the version or fork does not print it.
type DB struct {
	Keys     int64 `json:"keys"`
	Expires  int64 `json:"expires"`
	AvgTTLMS Opt   `json:"avg_ttl_ms,omitzero"`
}

// RedisEvent is a line of a Redis, Valkey or KeyDB server log.
type RedisEvent struct {
	// Event: starting, version, config-file, running (Port), ready, loading, rdb-age, rdb-memory (used_memory when the dump was
	// made), loaded (Seconds), keys-loaded, load-failed, shutdown (bye bye, SIGTERM, user requested), killed (a
	// shell said so), save-due ("N changes in
	// M seconds": Keys, Seconds), save-started, save-done, save-failed, save-killed (terminated by signal), aof-rewrite-started,
	// aof-rewrite-done, aof-rewrite-failed, aof-write-failed, cow (SizeBytes: the peak where it is given), fork-failed,
	// overcommit-warning, thp-warning, oom-refused, output-buffer-closed, query-buffer-closed, misconf, disk-full, alloc-failed
	// (Guru Meditation), crash, resync-full, resync-partial, replica-lost, master-lost, maxmemory-warning, maxclients,
	// slow-disk, slow-script, failover, cluster-down, bind-failed, config-error
	Event     string `json:"event"`
	PID       Opt    `json:"pid,omitzero"`
	Role      string `json:"role,omitempty"` // M, S, C, X
	ChildPID  Opt    `json:"child_pid,omitzero"`
	SizeBytes Opt    `json:"size_bytes,omitzero"` // CoW size, bytes asked of malloc, output buffer (omem)
	Signal    Opt    `json:"signal,omitzero"`
	Keys      Opt    `json:"keys,omitzero"`
	Seconds   OptF   `json:"seconds,omitzero"`
	Version   string `json:"version,omitempty"`
	Port      Opt    `json:"port,omitzero"`
	Client    string `json:"client,omitempty"` // the name=, addr= and cmd= of a client that was cut off
	Text      string `json:"text,omitempty"`
}

func (*RedisEvent) Kind() string { return "redis-event" }

// Key is one key of a listing (SCAN with TTL, a sample, --bigkeys).
type Key struct {
	Name  string `json:"name"`
	DB    Opt    `json:"db,omitzero"`
	Type  string `json:"type,omitempty"`
	TTL   Opt    `json:"ttl_s,omitzero"` // seconds; -1 = the key has no expiry, -2 = gone
	Bytes Opt    `json:"bytes,omitzero"` // MEMORY USAGE
	IdleS Opt    `json:"idle_s,omitzero"`
	// ExpireAt is the key's expiry in milliseconds of Unix time, where a listing gives that and not the time left (rdb-tools).
	ExpireAt Opt    `json:"expire_at_ms,omitzero"`
	Len      Opt    `json:"len,omitzero"`    // elements or bytes of the value, as the listing counts them
	Value    string `json:"value,omitempty"` // at most 200 bytes, secrets blanked
}

func (*Key) Kind() string { return "key" }

// KeyGroup sums keys of one prefix (dump.rdb, --bigkeys summaries).
type KeyGroup struct {
	Prefix  string `json:"prefix"` // up to and including the last separator before the changing part; "" = all
	DB      Opt    `json:"db,omitzero"`
	Keys    int64  `json:"keys"`
	NoTTL   Opt    `json:"no_ttl,omitzero"`
	Bytes   Opt    `json:"bytes,omitzero"`
	MaxTTLS Opt    `json:"max_ttl_s,omitzero"`
	Example string `json:"example,omitempty"`
	// The largest key of all, in a summary of big keys.
	Largest      string `json:"largest,omitempty"`
	LargestType  string `json:"largest_type,omitempty"`
	LargestLen   Opt    `json:"largest_len,omitzero"`   // elements
	LargestBytes Opt    `json:"largest_bytes,omitzero"` // where MEMORY USAGE measured it
	LargestLine  int    `json:"largest_line,omitempty"`
}

func (*KeyGroup) Kind() string { return "key-group" }

// SlowCommand is a SLOWLOG entry or a MONITOR/latency line with a duration.
type SlowCommand struct {
	ID         Opt    `json:"id,omitzero"`
	Command    string `json:"command"`        // upper case, without arguments: KEYS, SMEMBERS, EVAL
	Args       string `json:"args,omitempty"` // at most 200 bytes, secrets blanked
	Micros     Opt    `json:"usec,omitzero"`
	Client     string `json:"client,omitempty"`
	ClientName string `json:"client_name,omitempty"`
}

func (*SlowCommand) Kind() string { return "slow-command" }

// RedisClient is a row of CLIENT LIST.
type RedisClient struct {
	ID     Opt    `json:"id,omitzero"`
	Addr   string `json:"addr,omitempty"`
	Name   string `json:"name,omitempty"`
	AgeS   Opt    `json:"age_s,omitzero"`
	IdleS  Opt    `json:"idle_s,omitzero"`
	Flags  string `json:"flags,omitempty"` // N normal, S replica, P pub/sub, O monitor, ...
	Sub    Opt    `json:"sub,omitzero"`
	PSub   Opt    `json:"psub,omitzero"`
	QBuf   Opt    `json:"qbuf_bytes,omitzero"`
	OMem   Opt    `json:"omem_bytes,omitzero"`
	TotMem Opt    `json:"tot_mem_bytes,omitzero"`
	Cmd    string `json:"cmd,omitempty"`
	User   string `json:"user,omitempty"`
}

func (*RedisClient) Kind() string { return "redis-client" }

// RedisCommand is one line of MONITOR output.
type RedisCommand struct {
	DB      Opt    `json:"db,omitzero"`
	Client  string `json:"client,omitempty"`
	Command string `json:"command"`
	Key     string `json:"key,omitempty"`
	TTL     Opt    `json:"ttl_s,omitzero"` // the expiry that the command sets; -1 = it sets a value without one
	Bytes   Opt    `json:"bytes,omitzero"` // length of the quoted arguments
}

func (*RedisCommand) Kind() string { return "redis-command" }

// ---- the host ----

// HostMemory is a reading of the host's memory. kB of 1024 bytes.
type HostMemory struct {
	From          string `json:"from"` // free, meminfo, sar, atop, top, earlyoom
	TotalKB       Opt    `json:"total_kb,omitzero"`
	UsedKB        Opt    `json:"used_kb,omitzero"`
	FreeKB        Opt    `json:"free_kb,omitzero"`
	AvailableKB   Opt    `json:"available_kb,omitzero"`
	BuffersKB     Opt    `json:"buffers_kb,omitzero"`
	CachedKB      Opt    `json:"cached_kb,omitzero"` // free's buff/cache when that is all there is
	ShmemKB       Opt    `json:"shmem_kb,omitzero"`
	SlabKB        Opt    `json:"slab_kb,omitzero"`
	SUnreclKB     Opt    `json:"slab_unreclaimable_kb,omitzero"`
	AnonKB        Opt    `json:"anon_kb,omitzero"`
	PagetablesKB  Opt    `json:"pagetables_kb,omitzero"`
	SwapTotalKB   Opt    `json:"swap_total_kb,omitzero"`
	SwapFreeKB    Opt    `json:"swap_free_kb,omitzero"`
	SwapInKBS     Opt    `json:"swap_in_kb_s,omitzero"` // read back from swap, a second
	SwapOutKBS    Opt    `json:"swap_out_kb_s,omitzero"`
	CommitLimitKB Opt    `json:"commit_limit_kb,omitzero"`
	CommittedKB   Opt    `json:"committed_kb,omitzero"`
}

func (*HostMemory) Kind() string { return "host-memory" }

// ClockReading ties clocks together: a zone name, a local time beside its UTC, the time of boot.
type ClockReading struct {
	From      string        `json:"from"`           // timedatectl, date, uptime, proc-uptime, proc-stat, uptime-s, file-name
	Zone      string        `json:"zone,omitempty"` // IANA name or abbreviation, as printed
	OffsetS   Opt           `json:"utc_offset_s,omitzero"`
	Local     time.Time     `json:"local,omitzero"` // wall time, as if UTC
	UTC       time.Time     `json:"utc,omitzero"`
	Boot      time.Time     `json:"boot,omitzero"` // UTC when BootZoned, else local wall time as if UTC
	BootZoned bool          `json:"boot_zoned,omitempty"`
	Uptime    time.Duration `json:"uptime,omitzero"`
	Load      OptF          `json:"load1,omitzero"`
	CPUs      Opt           `json:"cpus,omitzero"`
	Hostname  string        `json:"hostname,omitempty"`
	Kernel    string        `json:"kernel,omitempty"`
}

func (*ClockReading) Kind() string { return "clock" }

// Process is a row of ps, top, atop, smem or docker stats.
type Process struct {
	PID     Opt    `json:"pid,omitzero"`
	PPID    Opt    `json:"ppid,omitzero"`
	User    string `json:"user,omitempty"`
	RSSKB   Opt    `json:"rss_kb,omitzero"`
	VSZKB   Opt    `json:"vsz_kb,omitzero"`
	MemPct  OptF   `json:"mem_pct,omitzero"`
	CPUPct  OptF   `json:"cpu_pct,omitzero"`
	Command string `json:"command"` // with arguments where shown, secrets blanked
	Comm    string `json:"comm"`    // its name alone
}

func (*Process) Kind() string { return "process" }

// Container is what docker inspect, docker stats or kubectl describe say of one container.
type Container struct {
	Name       string    `json:"name"`
	Image      string    `json:"image,omitempty"`
	LimitBytes Opt       `json:"limit_bytes,omitzero"` // unknown when there is none: see Unlimited
	Unlimited  bool      `json:"unlimited,omitempty"`
	UsageBytes Opt       `json:"usage_bytes,omitzero"`
	OOMKilled  string    `json:"oom_killed,omitempty"` // "true", "false", "" = not said
	ExitCode   Opt       `json:"exit_code,omitzero"`
	Restarts   Opt       `json:"restarts,omitzero"`
	Status     string    `json:"status,omitempty"`
	Started    time.Time `json:"started,omitzero"`
	Finished   time.Time `json:"finished,omitzero"`
	PID        Opt       `json:"pid,omitzero"`
	Cgroup     string    `json:"cgroup,omitempty"`
}

func (*Container) Kind() string { return "container" }

// ---- configuration ----

// Setting is one directive of a configuration file. Secrets are blanked to "***" in Args.
type Setting struct {
	System string   `json:"system"`         // redis, nginx, php-fpm, php, mysql, sysctl, systemd, compose, magento, app
	Path   []string `json:"path,omitempty"` // enclosing blocks or section: ["http", "server", "location /"], ["www"], ["mysqld"]
	Name   string   `json:"name"`
	Args   []string `json:"args,omitempty"`
	Block  bool     `json:"block,omitempty"` // opens a block (nginx)
	// EndLine is the line on which a block closes or a multi-line directive ends; 0 = the directive's own line.
	EndLine int `json:"end_line,omitempty"`
}

func (*Setting) Kind() string { return "setting" }

// Value is the directive's arguments joined by a space.
func (s *Setting) Value() string {
	v := ""
	for i, a := range s.Args {
		if i > 0 {
			v += " "
		}
		v += a
	}
	return v
}

// ConfigText is a configuration file's own text (at most MaxConfig bytes, secrets kept out of reports but needed to edit
// the file in place), so that a fix can be cut against the user's lines. It precedes the file's Settings.
type ConfigText struct {
	System string `json:"system"`
	Text   []byte `json:"-"`
	Size   int    `json:"size"`
}

func (*ConfigText) Kind() string { return "config" }

// MaxConfig bounds a configuration file: Debian's redis.conf is 106 kB, the largest nginx map files seen 400 kB.
const MaxConfig = 1 << 20
