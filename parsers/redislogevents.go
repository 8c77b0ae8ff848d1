package parsers

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// classified is a message's event; unmistakable ones may stand without a stamp.
type classified struct {
	RedisEvent
	unmistakable bool
}

// redisMessage says which event a message is: the first whose every text of has occurs in it.
type redisMessage struct {
	event string
	has   []string
	bare  bool // no other program writes this
}

// redisMessages lists the messages by the texts of server.c, rdb.c, aof.c, replication.c, networking.c and sentinel.c of 2.4
// to 8; first match wins, so the particular stands before the general.
var redisMessages = []redisMessage{
	{"output-buffer-closed", []string{"overcoming of output buffer limits"}, true},
	{"fork-failed", []string{"fork: ", "Cannot allocate memory"}, true},
	{"fork-failed", []string{"Can't save in background: fork"}, true},
	{"fork-failed", []string{"Can't rewrite append only file in background: fork"}, true},
	{"save-killed", []string{"Background saving terminated by signal"}, true},
	{"aof-rewrite-failed", []string{"Background AOF rewrite terminated by signal"}, true},
	{"aof-rewrite-failed", []string{"append only file rewriting terminated by signal"}, true},
	{"disk-full", []string{"No space left on device"}, false},
	{"disk-full", []string{"Short write while writing to the AOF"}, true},
	{"slow-disk", []string{"Asynchronous AOF fsync is taking too long"}, true},
	{"alloc-failed", []string{"Out Of Memory allocating"}, true},
	{"alloc-failed", []string{"Guru Meditation", "OUT OF MEMORY"}, true},
	{"alloc-failed", []string{"Out of memory trying to allocate"}, true},
	{"oom-refused", []string{"OOM command not allowed"}, false}, // a reply, which applications log too
	{"misconf", []string{"MISCONF"}, false},
	{"cow", []string{"memory used by copy-on-write"}, true},
	{"cow", []string{"Fork CoW for "}, true},
	{"overcommit-warning", []string{"overcommit_memory is set to 0"}, true},
	{"overcommit-warning", []string{"Memory overcommit must be enabled"}, true},
	{"thp-warning", []string{"Transparent Huge Pages"}, false},
	{"maxmemory-warning", []string{"no memory limit set. Setting 3 GB maxmemory"}, true},
	{"maxmemory-warning", []string{"new maxmemory value set via CONFIG SET"}, true},
	{"maxclients", []string{"max number of clients"}, false},
	{"maxclients", []string{"You requested maxclients of"}, true},
	{"maxclients", []string{"Too many open files"}, false},
	{"crash", []string{" crashed by signal"}, false},
	{"crash", []string{"ASSERTION FAILED"}, false},
	{"crash", []string{"BUG REPORT START"}, true},
	{"starting", []string{"oO0OoO0OoO0Oo"}, true},
	{"starting", []string{"Server started, Redis version"}, true},
	{"version", []string{"edis version=", "bits="}, true},
	{"version", []string{"alkey version=", "bits="}, true},
	{"version", []string{"eyDB version=", "bits="}, true},
	{"running", []string{"Running mode=", "port="}, true},
	{"config-file", []string{"no config file specified, using the default config"}, true},
	{"config-file", []string{"Configuration loaded"}, false},
	{"ready", []string{"eady to accept connections"}, false},
	{"ready", []string{"The server is now ready to accept"}, true},
	{"loaded", []string{"DB loaded from"}, true},
	{"keys-loaded", []string{"Done loading RDB, keys loaded"}, true},
	{"loading", []string{"Loading RDB produced by"}, true},
	{"rdb-age", []string{"RDB age "}, true},
	{"rdb-memory", []string{"RDB memory usage when created"}, true},
	{"load-failed", []string{"Short read or OOM loading DB"}, true},
	{"load-failed", []string{"Bad file format reading the append only file"}, true},
	{"load-failed", []string{"Unexpected end of file reading the append only file"}, true},
	{"load-failed", []string{"Fatal error loading the DB"}, true},
	{"shutdown", []string{"User requested shutdown"}, true},
	{"shutdown", []string{"Received SIG", "scheduling shutdown"}, true},
	{"shutdown", []string{"Received shutdown signal"}, false},
	{"shutdown", []string{"is now ready to exit, bye bye"}, true},
	{"shutdown", []string{"Saving the final RDB snapshot before exiting"}, true},
	{"shutdown", []string{"Server exit now, bye bye"}, true},
	{"save-due", []string{" changes in ", " seconds. Saving..."}, true},
	{"save-started", []string{"Background saving started by pid"}, true},
	{"save-started", []string{"Starting BGSAVE for SYNC"}, true},
	{"save-done", []string{"DB saved on disk"}, true},
	{"save-done", []string{"Background saving terminated with success"}, true},
	{"save-failed", []string{"Background saving error"}, true},
	{"save-failed", []string{"Error saving DB on disk"}, true},
	{"save-failed", []string{"Write error saving DB on disk"}, true},
	{"save-failed", []string{"Failed opening", "for saving"}, true},
	{"save-failed", []string{"Error moving temp DB file"}, true},
	{"save-failed", []string{"Can't save in background"}, true},
	{"save-failed", []string{"BGSAVE failed"}, false},
	{"save-failed", []string{"SYNC failed. BGSAVE"}, true},
	{"aof-rewrite-started", []string{"Background append only file rewriting started by pid"}, true},
	{"aof-rewrite-started", []string{"Starting automatic rewriting of AOF"}, true},
	{"aof-rewrite-done", []string{"Background AOF rewrite finished successfully"}, true},
	{"aof-rewrite-done", []string{"Background AOF rewrite terminated with success"}, true},
	{"aof-rewrite-done", []string{"Background append only file rewriting terminated with success"}, true},
	{"aof-rewrite-failed", []string{"Background AOF rewrite terminated with error"}, true},
	{"aof-rewrite-failed", []string{"append only file rewriting error"}, true},
	{"aof-write-failed", []string{"Error writing to the AOF file"}, true},
	{"aof-write-failed", []string{"Write error writing append only file"}, true},
	{"resync-full", []string{"Full resync requested by"}, true},
	{"resync-full", []string{"Full resync from master"}, true},
	{"resync-full", []string{"Full resync from primary"}, true},
	{"resync-full", []string{"Unable to partial resync with"}, true},
	{"resync-partial", []string{"Partial resynchronization request from", "accepted"}, true},
	{"resync-partial", []string{"Successful partial resynchronization"}, true},
	{"replica-lost", []string{"Connection with replica", "lost"}, true},
	{"replica-lost", []string{"Connection with slave", "lost"}, true},
	{"replica-lost", []string{"Disconnecting timedout replica"}, true},
	{"replica-lost", []string{"Disconnecting timedout slave"}, true},
	{"master-lost", []string{"Connection with master lost"}, true},
	{"master-lost", []string{"Connection with primary lost"}, true},
	{"master-lost", []string{"MASTER timeout: no data nor PING"}, true},
	{"master-lost", []string{"PRIMARY timeout: no data nor PING"}, true},
	{"failover", []string{"+failover-"}, false},
	{"failover", []string{"+switch-master"}, false},
	{"failover", []string{"+odown "}, false},
	{"cluster-down", []string{"Cluster state changed: fail"}, false},
	{"failover", []string{"+sdown "}, false},
	{"failover", []string{"MASTER MODE enabled"}, true},
	{"failover", []string{"PRIMARY MODE enabled"}, true},
	{"failover", []string{"REPLICAOF ", " enabled"}, true},
	{"failover", []string{"SLAVE OF ", " enabled"}, true},
	{"slow-script", []string{"Lua slow script detected"}, true},
	{"slow-script", []string{"Slow script detected: still in execution"}, true},
	{"query-buffer-closed", []string{"reached max query buffer length"}, true},
	{"bind-failed", []string{"Could not create server TCP listening socket"}, true},
	{"bind-failed", []string{"Creating Server TCP listening socket", "bind"}, true},
	{"bind-failed", []string{"Failed listening on port"}, true},
	{"config-error", []string{"FATAL CONFIG FILE ERROR"}, true},
}

// classifyRedis finds a message's event and its numbers.
func classifyRedis(msg []byte) (classified, bool) { return knownTexts(nil).classify(msg) }

// knownTexts are messages that were told before: servers repeat themselves, and the fold keeps what they say.
type knownTexts map[string]string

// maxKnownTexts bounds them: messages with a number in them fill them, and are then forgotten with the others.
const maxKnownTexts = 512

func (k knownTexts) of(msg []byte) string {
	if text, ok := k[string(msg)]; ok {
		return text
	}
	text := redisText(msg)
	if k != nil && text == string(msg) {
		if len(k) == maxKnownTexts {
			clear(k)
		}
		k[text] = text
	}
	return text
}

func (k knownTexts) classify(msg []byte) (classified, bool) {
	if len(msg) > maxRedisMessage {
		msg = msg[:maxRedisMessage]
	}
	found, any := redisTexts().find(msg)
	if !any {
		return classified{}, false
	}
	for i := range found.all() {
		m := &redisMessages[i]
		if len(m.has) > 1 && !containsAll(msg, m.has[1:]) {
			continue
		}
		c := classified{RedisEvent: RedisEvent{Event: m.event, Text: k.of(msg)}, unmistakable: m.bare}
		c.numbers(msg)
		return c, true
	}
	return classified{}, false
}

const maxRedisMessage = 8192 // Redis cuts its own log lines at 1024 bytes, Valkey at 4096 and more

// redisTexts are the first texts of redisMessages, all different; the second ones may be short.
var redisTexts = sync.OnceValue(func() *textSet {
	var texts []string
	for _, m := range redisMessages {
		texts = append(texts, m.has[0])
	}
	return newTextSet(texts)
})

func containsAll(msg []byte, texts []string) bool {
	for _, t := range texts {
		if !bytes.Contains(msg, []byte(t)) {
			return false
		}
	}
	return true
}

func (c *classified) numbers(msg []byte) {
	text := c.Text
	if len(text) != len(msg) || !utf8.Valid(msg) {
		text = string(msg)
	}
	switch c.Event {
	case "output-buffer-closed", "query-buffer-closed":
		f := clientFields(msg)
		c.Client = strings.TrimSpace("name=" + f["name"] + " addr=" + f["addr"] + " cmd=" + f["cmd"])
		c.SizeBytes = number(f["omem"])
		if c.Event == "query-buffer-closed" {
			c.SizeBytes = number(f["qbuf"])
		}
		c.Text = "" // the rest of the line is what a client sent
	case "save-killed", "aof-rewrite-failed":
		c.Signal = numberAfter(text, "signal ")
	case "crash":
		c.Signal = numberAfter(text, "signal: ")
		if !c.Signal.OK {
			c.Signal = numberAfter(text, "signal ")
		}
		c.Version = wordAfter(text, "Redis ")
		if c.Version == "" || !isDigit(c.Version[0]) {
			c.Version = ""
		}
	case "alloc-failed":
		c.SizeBytes = numberAfter(text, "llocating ")
		if !c.SizeBytes.OK {
			c.SizeBytes = numberAfter(text, "allocate ")
		}
	case "cow":
		mb := numberAfter(text, "peak ")
		if !mb.OK {
			mb = numberAfter(text, "RDB: ")
		}
		if !mb.OK {
			mb = numberAfter(text, "rewrite: ")
		}
		if mb.OK && mb.N < 1<<40 {
			c.SizeBytes = Some(mb.N << 20)
		}
	case "version":
		c.Version = strings.TrimSuffix(wordAfter(text, "version="), ",")
	case "starting":
		c.Version = wordAfter(text, "Redis version ")
	case "loading":
		c.Version = wordAfter(text, "by version ")
	case "running", "ready":
		c.Port = numberAfter(text, "port=")
		if !c.Port.OK {
			c.Port = numberAfter(text, "on port ")
		}
	case "loaded":
		c.Seconds = secondsAfter(text, ": ")
	case "keys-loaded":
		c.Keys = numberAfter(text, "keys loaded: ")
	case "rdb-age":
		c.Seconds = secondsAfter(text, "RDB age ")
	case "rdb-memory":
		if f := secondsAfter(text, "when created "); f.OK && f.F < 1<<30 {
			c.SizeBytes = Some(int64(f.F * (1 << 20)))
		}
	case "save-started", "aof-rewrite-started":
		c.ChildPID = numberAfter(text, "by pid ")
	case "save-due":
		n, _ := leadingInt(msg)
		c.Keys = Opt{n, n >= 0}
		c.Seconds = secondsAfter(text, " changes in ")
	case "shutdown":
		switch {
		case strings.Contains(text, "SIGTERM"):
			c.Signal = Some(15)
		case strings.Contains(text, "SIGINT"):
			c.Signal = Some(2)
		}
	}
}

// redisText is a message as a report may show it: bounded, a client's arguments left out.
func redisText(msg []byte) string {
	if msg = msg[:min(len(msg), 240)]; utf8.Valid(msg) { // which is quick to tell
		return string(msg)
	}
	return string(bytes.ToValidUTF8(msg, []byte("?")))
}

func number(s string) Opt {
	n, err := strconv.ParseInt(s, 10, 64)
	return Opt{n, err == nil}
}

func numberAfter(text, mark string) Opt {
	_, tail, ok := strings.Cut(text, mark)
	if !ok {
		return Opt{}
	}
	n, _ := leadingInt([]byte(tail[:min(len(tail), 24)]))
	return Opt{max(n, 0), n >= 0}
}

func secondsAfter(text, mark string) OptF {
	_, tail, ok := strings.Cut(text, mark)
	if !ok {
		return OptF{}
	}
	end := 0
	for end < len(tail) && end < 24 && (isDigit(tail[end]) || tail[end] == '.') {
		end++
	}
	f, err := strconv.ParseFloat(tail[:end], 64)
	if err != nil {
		return OptF{}
	}
	return SomeF(f)
}

func wordAfter(text, mark string) string {
	_, tail, ok := strings.Cut(text, mark)
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(tail, " ")
	return strings.TrimRight(word[:min(len(word), 40)], ",.")
}
