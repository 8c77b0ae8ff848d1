package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"culprit/parsers"
)

// Metrics writes what a watch knows in the text format of Prometheus. What is not known is left out. A forecast counts
// from the moment of asking.
func Metrics(w io.Writer, l *Live) error {
	m := &metrics{out: &lines{w: w}}
	m.family("culprit_start_time_seconds", "gauge", "When the watch began.")
	m.time(l.Since)
	m.family("culprit_judged_time_seconds", "gauge", "When what came in was last judged.")
	m.time(l.Judged)

	m.family("culprit_source_up", "gauge", "1 = the source is read, 0 = it is in trouble.")
	for _, s := range l.Sources {
		up := 1.0
		if s.Trouble != "" {
			up = 0
		}
		m.value(up, "source", s.Name, "format", s.Format)
	}
	m.family("culprit_source_lines_total", "counter", "Lines read.")
	for _, s := range l.Sources {
		m.value(float64(s.Lines), "source", s.Name, "format", s.Format)
	}
	m.family("culprit_source_skipped_lines_total", "counter", "Lines that should have been records and were not.")
	for _, s := range l.Sources {
		m.value(float64(s.Skipped), "source", s.Name, "format", s.Format)
	}
	m.family("culprit_source_last_time_seconds", "gauge", "When something last came.")
	for _, s := range l.Sources {
		m.time(s.Last, "source", s.Name, "format", s.Format)
	}

	m.family("culprit_host_memory_total_bytes", "gauge", "The host's memory.")
	m.kilobytes(l.Memory.TotalKB)
	m.family("culprit_host_memory_available_bytes", "gauge", "What the kernel can give without swapping.")
	m.kilobytes(l.Memory.AvailableKB)
	m.family("culprit_process_resident_bytes", "gauge", "Resident memory of all processes of one name; shared pages count for each.")
	for _, p := range l.Processes {
		m.value(float64(p.Bytes), "process", p.Name)
	}

	redis := func(name, help string, value func(*LiveRedis)) {
		m.family(name, "gauge", help)
		for i := range l.Redis {
			value(&l.Redis[i])
		}
	}
	redis("culprit_redis_used_bytes", "used_memory.", func(r *LiveRedis) { m.opt(r.Used, "instance", r.Name) })
	redis("culprit_redis_rss_bytes", "used_memory_rss.", func(r *LiveRedis) { m.opt(r.RSS, "instance", r.Name) })
	redis("culprit_redis_maxmemory_bytes", "maxmemory; 0 = no limit.", func(r *LiveRedis) { m.opt(r.Max, "instance", r.Name) })
	redis("culprit_redis_keys", "Keys, without and with an expiry.", func(r *LiveRedis) {
		m.opt(r.Stay, "instance", r.Name, "expiry", "none")
		m.opt(r.Expire, "instance", r.Name, "expiry", "set")
	})
	forecast := func(name, help string, in func(*LiveRedis) time.Duration) {
		redis(name, help, func(r *LiveRedis) {
			if r.Forecast != nil {
				m.value(max(in(r)-l.At.Sub(r.At), 0).Seconds(), "instance", r.Name, "limit", r.Forecast.Limit)
			}
		})
	}
	forecast("culprit_redis_limit_seconds", "Until memory reaches its limit, at the median growth; absent = it does not grow towards one.", func(r *LiveRedis) time.Duration { return r.Forecast.In })
	forecast("culprit_redis_limit_least_seconds", "The lower end of the 95 % interval.", func(r *LiveRedis) time.Duration { return r.Forecast.Least })
	forecast("culprit_redis_limit_most_seconds", "The upper end of the 95 % interval.", func(r *LiveRedis) time.Duration { return r.Forecast.Most })

	if l.Report == nil {
		return m.out.err
	}
	m.family("culprit_verdict_confidence", "gauge", "How often such a verdict is right.")
	m.value(l.Report.Verdict.Confidence, "outcome", l.Report.Verdict.Outcome, "cause", l.Report.Verdict.Cause)
	m.family("culprit_findings", "gauge", "Findings by rule.")
	type kind struct{ rule, role string }
	found := map[kind]int{}
	for _, f := range l.Report.Findings {
		found[kind{f.Rule, f.Role}]++
	}
	for _, k := range slices.SortedFunc(maps.Keys(found), func(a, b kind) int { return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.role, b.role)) }) {
		m.value(float64(found[k]), "rule", k.rule, "role", k.role)
	}
	return m.out.err
}

// metrics writes families; one without a value is left out whole.
type metrics struct {
	out        *lines
	name, head string
}

func (m *metrics) family(name, kind, help string) {
	m.name, m.head = name, fmt.Sprintf("# HELP %s %s\n# TYPE %s %s", name, help, name, kind)
}

func (m *metrics) value(v float64, labels ...string) {
	if m.head != "" {
		m.out.line(m.head)
		m.head = ""
	}
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+`="`+labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "�"))+`"`)
	}
	set := ""
	if len(pairs) > 0 {
		set = "{" + strings.Join(pairs, ",") + "}"
	}
	m.out.line(m.name + set + " " + strconv.FormatFloat(v, 'f', -1, 64))
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func (m *metrics) opt(o parsers.Opt, labels ...string) {
	if o.OK {
		m.value(float64(o.N), labels...)
	}
}

func (m *metrics) kilobytes(o parsers.Opt) {
	if o.OK {
		m.value(float64(o.N) * 1024)
	}
}

func (m *metrics) time(t time.Time, labels ...string) {
	if !t.IsZero() {
		m.value(float64(t.UnixMilli())/1000, labels...)
	}
}
