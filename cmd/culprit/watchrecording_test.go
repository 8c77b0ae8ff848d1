package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/cmd/internal/collect"
	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/rules"
)

// What a watch knows and what an analysis of its recording knows is the same to the last word, over many segments, two runs
// and the whole INFO series: only of the files themselves does the analysis know more. So it is for a recording that was
// packed and sent, but for the names of its files.
func TestRecordingTellsTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rec")
	at := time.Date(2026, 4, 20, 1, 0, 0, 0, time.UTC)
	keys := 0
	var live *correlate.Timeline
	for range 2 {
		rec, err := collect.OpenRecording(dir, collect.RecordLeast, func(s string) { t.Error(s) })
		if err != nil {
			t.Fatal(err)
		}
		f := &fold{t: correlate.NewTimeline(), recording: rec}
		all := []opening{
			{name: "access.log", file: "access.log", format: "nginx-access", settle: settleLines},
			{name: "redis-info", file: "redis-info", format: "redis-info"},
			{name: "kmsg", file: "kmsg", format: "kernel", settle: settleReports},
			{name: "clock", file: "clock", format: "clock"},
		}
		if err := f.replay(all); err != nil {
			t.Fatal(err)
		}
		var sources []*liveSource
		for _, o := range all {
			s, err := f.recorded(o)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, s)
		}
		take := func(i int, text string) { sources[i].take(f, []byte(text), nil) }
		for range 300 {
			var log strings.Builder
			for i := range 40 {
				fmt.Fprintf(&log, "203.0.113.%d - - [%s] \"GET /product/%d?%x HTTP/1.1\" 200 5120 \"-\" \"Mozilla/5.0 (compatible; ExampleBot/1.0; +http://example.com/bot)\"\n",
					i%5+1, at.Add(time.Duration(i)*250*time.Millisecond).Format("02/Jan/2006:15:04:05 -0700"), keys, sessionID())
				keys++
			}
			take(0, log.String())
			at = at.Add(10 * time.Second)
			take(1, fmt.Sprintf("%s\n# Server\r\nredis_version:7.0.15\r\nprocess_id:2201\r\nrun_id:1111111111111111111111111111111111111111\r\ntcp_port:6379\r\n# Memory\r\nused_memory:%d\r\nused_memory_rss:%d\r\nmaxmemory:0\r\ntotal_system_memory:1073741824\r\n# Keyspace\r\ndb0:keys=%d,expires=0,avg_ttl=0\r\n",
				at.Format(time.RFC3339), 1<<20+keys*40000, 3<<20+keys*40000, keys))
		}
		if at.Hour() >= 2 { // the second run sees the end
			take(3, at.Format(time.RFC3339)+"\n6000.00 11000.00\n")
			take(2, "6,900,5990000000,-;php-fpm invoked oom-killer: gfp_mask=0x140cca, order=0, oom_score_adj=0\n"+
				"6,901,5990000001,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/redis.service,task=redis-server,pid=2201,uid=110\n"+
				"3,902,5990000002,-;Out of memory: Killed process 2201 (redis-server) total-vm:1400000kB, anon-rss:960000kB, file-rss:0kB, shmem-rss:0kB, UID:110 pgtables:2900kB oom_score_adj:0\n")
		}
		for _, s := range f.sources {
			f.t.AddInput(s.input())
		}
		rec.Close()
		live = f.t
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*", "*.zst"))
	if err != nil || len(segments) < 6 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}

	var text bytes.Buffer
	if err := report.JSON(&text, rules.Judge(live.Incident(time.Now(), correlate.Options{}))); err != nil {
		t.Fatal(err)
	}
	parse := func(text string) map[string]any {
		var r map[string]any
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		delete(r, "inputs")
		return r
	}
	want := parse(text.String())
	if v := want["verdict"].(map[string]any); v["outcome"] != "root-cause" {
		t.Errorf("live: %v", v)
	}
	if diff := cmp.Diff(want, parse(analyzed(t, dir))); diff != "" {
		t.Errorf("the recording (-live +recorded):\n%s", diff)
	}

	tar := filepath.Join(t.TempDir(), "rec.tar")
	if out, err := exec.Command("tar", "-C", filepath.Dir(dir), "-cf", tar, "rec").CombinedOutput(); err != nil {
		t.Skip("no tar: ", err, string(out))
	}
	if diff := cmp.Diff(want["verdict"], parse(analyzed(t, tar))["verdict"]); diff != "" {
		t.Errorf("the packed recording's verdict (-live +packed):\n%s", diff)
	}
}
