package parsers

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// kubectl-events is what the cluster says happened, `kubectl get events` and `kubectl events` in columns (of any version, wide or
// not), in YAML or JSON:
//
//	LAST SEEN   TYPE      REASON       OBJECT             MESSAGE
//	11m         Warning   Evicted      pod/shop-redis-0   The node was low on resource: memory. Container redis was using 3120112Ki, request is 256Mi, …
//	4m12s       Warning   OOMKilling   node/worker-3      Memory cgroup out of memory: Killed process 88121 (redis-server) total-vm:612004kB, …
//
// Pods evicted become service-events, and so do kills, of which the kernel's own words are read. An age is told from the `date`
// before the listing.
var _ = register(Parser{
	Name:  "kubectl-events",
	Doc:   "kubectl get events: evictions, kills, failed liveness probes -> service-event, oom-kill",
	Most:  SureMark + 1,
	Match: matchKubeEvents,
	Parse: parseKubeEvents,
})

func matchKubeEvents(h *Head) int {
	for _, line := range h.Texts(40) {
		if isEventsHeader(line) {
			return SureMark + 1
		}
		if f := strings.Fields(line); len(f) == 5 && strings.Join(f, " ") == "Type Reason Age From Message" {
			return SureShape // the end of kubectl describe, of a node
		}
	}
	if (bytes.Contains(h.Text, []byte(`"kind": "Event"`)) || bytes.Contains(h.Text, []byte("kind: Event\n"))) && bytes.Contains(h.Text, []byte("involvedObject")) {
		return SureMark + 1
	}
	return 0
}

func isEventsHeader(s string) bool {
	return strings.Contains(s, "REASON") && strings.Contains(s, "MESSAGE") && (strings.Contains(s, "LAST SEEN") || strings.Contains(s, "LASTSEEN") || strings.Contains(s, "OBJECT"))
}

func parseKubeEvents(src *Source, emit func(Record)) error {
	k := &kubeEvents{src: src, emit: emit}
	err := EachLine(src, k.line)
	k.member(nil, Pos{}, "kind", "Event") // the last one ends with the file
	return err
}

type kubeEvents struct {
	src  *Source
	emit func(Record)
	now  stamp // of the `date` before the listing

	// of an event in YAML or JSON
	object, reason, message string
	last                    time.Time
	at                      Pos
	raw                     []byte
	open                    *string // what a folded line goes on with
}

func (k *kubeEvents) line(line []byte, at Pos) {
	if r, ok := kubeEventRow(line); ok {
		r.At = at
		k.tell(r)
		return
	}
	if s, ok := dateStamp(string(line)); ok {
		k.now = s
		return
	}
	if m := eventMemberRE.FindSubmatch(line); m != nil {
		value := string(m[2])
		if s, err := strconv.Unquote(strings.TrimSuffix(value, ",")); err == nil {
			value = s
		}
		k.open = nil
		k.member(line, at, string(m[1]), strings.Trim(value, "'"))
		return
	}
	if k.open != nil && len(*k.open) < maxLineText {
		*k.open += " " + strings.Trim(strings.TrimSpace(string(line)), "'\"")
	}
}

// eventMemberRE is the member of an event in JSON or YAML that counts; others end what was open.
var eventMemberRE = regexp.MustCompile(`^[\s\-]*"?([A-Za-z]+)"?\s*:(?:\s+(.*?))?\s*$`)

// member takes one member of an event. They stand in the order of the alphabet, so that "kind" of the next event comes after all of
// this one's.
func (k *kubeEvents) member(line []byte, at Pos, name, value string) {
	switch name {
	case "kind":
		if value != "Event" {
			break
		}
		fallthrough
	case "apiVersion":
		if k.reason != "" && k.message != "" {
			r := Record{At: k.at, Raw: k.raw}
			if !k.last.IsZero() {
				r.Time, r.Clock = k.last, ZonedClock
			}
			if r.Fact = kubeEventFact(k.reason, k.object, []byte(k.message)); r.Fact != nil {
				k.tell(r)
			}
			k.object, k.reason, k.message, k.last = "", "", "", time.Time{}
		}
	case "name":
		if k.message == "" { // that of metadata comes later
			k.object = value
		}
	case "reason":
		k.reason = value
	case "message":
		k.message, k.at, k.raw = value, at, bytes.Clone(line[:min(len(line), maxLineText)])
		k.open = &k.message
	case "lastTimestamp", "eventTime":
		if t, clock, n := parseISO([]byte(value)); n > 0 && clock == ZonedClock {
			k.last = t
		}
	}
}

// tell emits an event, or what the kernel said in its words.
func (k *kubeEvents) tell(r Record) {
	if r.Clock == NoClock {
		if r = k.now.put(r); r.Clock != NoClock {
			r.Time = r.Time.Add(-r.ago)
		}
	}
	e, ok := r.Fact.(*ServiceEvent)
	if !ok || !hasOOMWording([]byte(e.Text)) {
		k.emit(r)
		return
	}
	o := &oomReader{rows: new(int), emit: func(kill Record) {
		kill.At, kill.Raw, kill.Time, kill.Clock, kill.ago = r.At, r.Raw, r.Time, r.Clock, r.ago
		kill.Fact.(*OOMKill).KillLine = r.At.Line
		k.emit(kill)
	}}
	m := message{at: r.At, raw: r.Raw}
	m.Msg = []byte(e.Text)
	o.read(&m)
	o.finish()
}

// kubeEventRow reads a row of `kubectl get events`, or of the Events of `kubectl describe`; not ok where it says nothing of interest.
func kubeEventRow(line []byte) (Record, bool) {
	var r Record
	words := bytes.Fields(line[:min(len(line), maxLineText)])
	at := -1
	for i, w := range words[:min(len(words), 9)] { // NAMESPACE, LAST SEEN with "(x3 over 20m)", and of old FIRST SEEN, COUNT, NAME, KIND
		if string(w) == "Warning" || string(w) == "Normal" {
			at = i
			break
		}
	}
	if at < 0 || at+2 >= len(words) {
		return r, false
	}
	reason, object := string(words[at+1]), ""
	if reason[0] < 'A' || reason[0] > 'Z' {
		return r, false
	}
	for _, w := range words[at+2 : min(len(words), at+6)] {
		if kind, name, ok := strings.Cut(string(w), "/"); ok && kind != "" && name != "" {
			object = name
			break
		}
	}
	age := ""
	switch {
	case at > 0:
		age = string(words[min(at-1, 1)])
		if _, ok := kubeAge(age); !ok {
			age = string(words[0])
		}
	case object == "":
		age = string(words[at+2]) // describe: Type Reason Age From Message
	}
	r.ago, _ = kubeAge(age)
	r.Raw = line
	r.Fact = kubeEventFact(reason, object, line)
	return r, r.Fact != nil
}

// kubeEventFact is what an event tells; nil when it is nothing of interest. msg may have columns before the message.
func kubeEventFact(reason, object string, msg []byte) Fact {
	object = object[strings.IndexByte(object, '/')+1:]
	switch reason {
	case "Evicted":
		return evictionFact(object, msg)
	case "OOMKilling", "SystemOOM":
		for _, mark := range [...]string{"Memory cgroup out of memory", "Out of memory", "System OOM encountered"} {
			if i := bytes.Index(msg, []byte(mark)); i >= 0 {
				e := &ServiceEvent{Program: "kubelet", Event: "oom-killed", Result: "oom-kill", PID: intAfter(msg[i:], "pid: "), Text: evidenceText(msg[i:])}
				e.Unit = string(field(msg[i:], "victim process: ", ","))
				return e
			}
		}
	case "Killing", "Unhealthy":
		if i := bytes.Index(msg, []byte("failed liveness probe, will be restarted")); i >= 0 {
			return &ServiceEvent{Program: "kubelet", Event: "liveness-killed", Unit: object, Text: evidenceText(bytes.TrimSpace(msg[max(bytes.LastIndex(msg[:i], []byte("Container ")), 0):]))}
		}
	}
	return nil
}

// evictionFact reads why a pod had to leave its node; nil when the text says nothing of it.
//
//	The node was low on resource: memory. Container redis was using 3120112Ki, which exceeds its request of 256Mi.
//	The node had condition: [DiskPressure].
//	Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.
func evictionFact(pod string, msg []byte) *ServiceEvent {
	for _, mark := range [...]string{"The node was low on resource", "The node was low on compute", "The node had condition", "Pod ephemeral local storage usage", "Container ", "Usage of EmptyDir"} {
		i := bytes.Index(msg, []byte(mark))
		if i < 0 {
			continue
		}
		text := bytes.TrimSpace(msg[i:])
		e := &ServiceEvent{Program: "kubelet", Event: "evicted", Unit: pod, Text: evidenceText(text)}
		switch what := string(field(text, "resource: ", ". ")); {
		case what != "":
			e.Result = what
		case bytes.Contains(text, []byte("MemoryPressure")):
			e.Result = "memory"
		case bytes.Contains(text, []byte("DiskPressure")) || bytes.Contains(text, []byte("ephemeral")) || bytes.Contains(text, []byte("EmptyDir")):
			e.Result = "ephemeral-storage"
		}
		if rest, ok := bytes.CutPrefix(text[max(bytes.Index(text, []byte("was using ")), 0):], []byte("was using ")); ok && e.Result == "memory" {
			used, _, _ := bytes.Cut(rest, []byte(" "))
			if n, ok := parseBytes(strings.TrimRight(string(used), ",.")); ok {
				e.RSSKB = Some(n >> 10)
			}
		}
		return e
	}
	return nil
}

// kubeAge reads 11m, 4m12s, 3d2h, 90s.
func kubeAge(s string) (time.Duration, bool) {
	if s == "" || !isDigit(s[0]) || len(s) > 16 {
		return 0, false
	}
	var d time.Duration
	for rest := []byte(s); len(rest) > 0; {
		n, tail := leadingInt(rest)
		if n < 0 || n > 1e5 || len(tail) == 0 {
			return 0, false
		}
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'y': 365 * 24 * time.Hour}[tail[0]]
		if unit == 0 {
			return 0, false
		}
		d, rest = d+time.Duration(n)*unit, tail[1:]
	}
	return d, true
}
