package collect

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"culprit/parsers"
)

// A journalctl that tells an OOM kill entry by entry, dies in the middle, and goes on behind the cursor it is given.
const fakeJournalctl = `#!/bin/sh
echo "$@" >> %[1]s/calls
after=0
for arg in "$@"; do
  case "$arg" in --after-cursor=*) after=${arg#--after-cursor=c};; esac
done
n=0
while IFS= read -r line; do
  n=$((n+1))
  [ $n -le $after ] && continue
  printf '{"__CURSOR":"c%%s","__REALTIME_TIMESTAMP":"17766475540000%%02d","_TRANSPORT":"kernel","SYSLOG_IDENTIFIER":"kernel","_HOSTNAME":"web1","MESSAGE":"%%s"}\n' $n $n "$line"
  if [ $after = 0 ] && [ $n = 2 ]; then
    printf '{"__CURSOR":"c3","MES'
    echo "Failed to iterate through journal: Bad message" >&2
    exit 1
  fi
done < %[1]s/kernel
exec sleep 1000
`

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	kernel := `php-fpm invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
Mem-Info:
oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/redis.service,task=redis-server,pid=2201,uid=110
Out of memory: Killed process 2201 (redis-server) total-vm:4100000kB, anon-rss:3960000kB, file-rss:0kB, shmem-rss:0kB, UID:110 pgtables:7900kB oom_score_adj:0
`
	for name, text := range map[string]string{"kernel": kernel, "journalctl": fmt.Sprintf(fakeJournalctl, dir)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	if JournalAnswers(t.Context()) { // the fake one fails at first
		t.Error("a journal that fails answers")
	}
	os.Remove(filepath.Join(dir, "calls"))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var notices []string
	j, err := OpenJournal(ctx, nil, func(s string) { notices = append(notices, s) })
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	r := bufio.NewReader(j)
	for range 4 {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(line)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "Bad message") {
		t.Errorf("notices %q", notices)
	}
	if mark := string(j.Mark()); mark != `{"Cursor":"c4"}` {
		t.Errorf("mark %s", mark)
	}
	stop()
	if _, err := r.ReadString('\n'); err == nil {
		t.Error("no end")
	}
	calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
	if want := "-k -o json --no-pager --no-tail -f\n-k -o json --no-pager --no-tail -f --after-cursor=c2\n"; string(calls) != want {
		t.Errorf("called %q", calls)
	}

	p, _ := parsers.ByName("kernel")
	kills := 0
	src := &parsers.Source{Name: "journal", R: strings.NewReader(text.String())}
	if err := parsers.Read(p, src, func(rec parsers.Record) {
		if k, ok := rec.Fact.(*parsers.OOMKill); ok && k.VictimPID.OK {
			kills++
			if k.VictimComm != "redis-server" || rec.Clock != parsers.ZonedClock || rec.Time.Unix() != 1776647554 {
				t.Errorf("%v %v %+v", rec.Time, rec.Clock, k)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if kills != 1 || src.Skipped > 0 {
		t.Errorf("%d kills, %d lines skipped, of\n%s", kills, src.Skipped, text.String())
	}

	// A later run begins behind the mark.
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	j, err = OpenJournal(ctx, json.RawMessage(`{"Cursor":"c3"}`), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(j).ReadString('\n'); err != nil || !strings.Contains(line, `"__CURSOR":"c4"`) {
		t.Errorf("%q, %v", line, err)
	}
	stop()
	j.end()
}
