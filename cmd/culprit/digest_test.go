package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/cmd/internal/collect"
	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// A fold that went through a digest is the fold: whatever its records are divided into, written, read and merged, the
// incident is the same to the last line of evidence.
func TestDigestIsTheFold(t *testing.T) {
	for _, name := range fewer([]string{"tea-shop", "session-patterns", "magento-locks"}) {
		t.Run(name, func(t *testing.T) {
			d, err := newDriver(t.Context(), []string{"../../testdata/incidents/" + name}, nil, 1)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(7, 3))
			whole := correlate.NewTimeline()
			parts := make([]*correlate.Timeline, 4)
			for i := range parts {
				parts[i] = correlate.NewTimeline()
			}
			err = d.inOrder(t.Context(), func(rec parsers.Record) error {
				rec = clone(reflect.ValueOf(rec)).Interface().(parsers.Record)
				whole.Add(rec)
				parts[r.IntN(len(parts))].Add(rec)
				return nil
			}, func(in correlate.Input) error {
				whole.AddInput(in)
				parts[r.IntN(len(parts))].AddInput(in)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			merged := correlate.NewTimeline()
			for _, part := range parts {
				merged.Merge(throughDigest(t, part, ""))
			}
			if diff := cmp.Diff(tellAll(t, whole), tellAll(t, merged)); diff != "" {
				t.Errorf("-the fold +its digests:\n%.3000s", diff)
			}
		})
	}
}

func throughDigest(t *testing.T, fold *correlate.Timeline, prefix string) (back *correlate.Timeline) {
	t.Helper()
	var b bytes.Buffer
	if err := collect.WriteDigest(&b, correlate.DigestSchema(), fold.WriteDigest); err != nil {
		t.Fatal(err)
	}
	err := collect.ReadDigest(&b, correlate.DigestSchema(), func(r io.Reader) (err error) {
		back, err = correlate.ReadDigest(r, prefix, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// The files of an incident, divided over hosts of which some give digests and some files, make the verdict that they
// make together.
func TestDigestsMergeToTheVerdictOfTheFiles(t *testing.T) {
	for _, dir := range incidentFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want := toldBy(t, dir)
			args := divided(t, dir, rand.New(rand.NewPCG(1, 11)))
			if diff := cmp.Diff(want, toldBy(t, args...)); diff != "" {
				t.Errorf("%v: the files say -, the digests +:\n%.3000s", args, diff)
			}
		})
	}
}

// divided copies the files into three folders, makes digests of two, and gives all as arguments. A configuration that says
// how an access log is to be read stays with the logs, as it does on a host; and so do copies and rotations of one file.
func divided(t *testing.T, dir string, r *rand.Rand) []string {
	t.Helper()
	d, err := newDriver(t.Context(), []string{dir}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	parts := map[string]int{} // by family
	copied := map[string]bool{}
	var args []string
	for _, u := range d.units {
		p := d.census.formats[u.Name].parser.Name
		_, twin := d.census.twins[u.Name]
		part, rotated := parts[correlate.Family(u.Name)]
		if !rotated {
			part = r.IntN(3)
		}
		if twin || p == "nginx-conf" || p == "nginx-access" || p == "" || slices.ContainsFunc(d.units, func(o *collect.Unit) bool { return d.census.twins[o.Name].of == u.Name }) {
			part = 0
		}
		parts[correlate.Family(u.Name)] = part
		to := filepath.Join(root, fmt.Sprintf("part%d", part), u.Name)
		text, err := os.ReadFile(filepath.Join(dir, u.Name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, u.Name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(to, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		copied[fmt.Sprintf("part%d", part)] = true
	}
	for part := range copied {
		folder := filepath.Join(root, part)
		if part == "part2" {
			args = append(args, folder)
			continue
		}
		args = append(args, makeDigest(t, part+".culprit", folder))
	}
	slices.Sort(args)
	return args
}

// makeDigest runs the command.
func makeDigest(t *testing.T, name string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"digest", "-o", file}, args...), nil, &out, &errs); code != exitOK || errs.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return file
}

// A log that was rotated is one log, also where its files were folded into two digests.
func TestDigestsOfOneRotation(t *testing.T) {
	dir := folder(t, map[string]string{
		"redis-server.log.1": "811:C 01 Mar 2026 04:00:01.100 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n" +
			"811:M 01 Mar 2026 04:00:01.121 * Ready to accept connections\n811:M 01 Mar 2026 09:00:01.120 * 10 changes in 300 seconds. Saving...\n",
		"redis-server.log": "1200:C 01 Mar 2026 09:31:01.100 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n1200:M 01 Mar 2026 09:31:01.121 * Ready to accept connections\n",
		"kern.log":         "2026-03-01T09:30:07.120911+00:00 app1 kernel: Out of memory: Killed process 811 (redis-server) total-vm:4402152kB, anon-rss:3881204kB, file-rss:0kB, shmem-rss:0kB, UID:110 pgtables:8000kB oom_score_adj:0\n",
	})
	part := func(name, file string) string { return makeDigest(t, name, filepath.Join(dir, file)) }
	var out, errs bytes.Buffer
	args := []string{"--host-tz", "UTC", part("one.culprit", "redis-server.log.1"), part("two.culprit", "redis-server.log"), filepath.Join(dir, "kern.log")}
	if code := run(t.Context(), append([]string{"analyze", "--format", "json"}, args...), nil, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	if want := "started again at 2026-03-01 09:31:01 UTC without having shut down: the kernel killed it 53 s before"; !strings.Contains(out.String(), want) {
		t.Errorf("the report lacks %q", want)
	}
}

func TestDigestThatCannotBeRead(t *testing.T) {
	file := makeDigest(t, "web1.culprit", "../../testdata/incidents/magento-locks")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(whole, []byte(correlate.DigestSchema()), []byte("0123456789ab"), 1)
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"newer.culprit": {newer, `another version of culprit (schema "0123456789ab"`},
		"cut.culprit":   {whole[:len(whole)/2], "unexpected EOF"},
		"line.culprit":  {whole[:20], "without its first line"},
	} {
		bad := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(bad, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := newDriver(t.Context(), []string{bad}, nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		fold, err := d.fold(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if in := fold.Inputs(); len(in) != 1 || !strings.Contains(in[0].Err, c.want) {
			t.Errorf("%s: %+v, want %q", name, in, c.want)
		}
	}
}

// FuzzDigest: whatever stands in a digest, it is refused or judged.
func FuzzDigest(f *testing.F) {
	for _, dir := range []string{"magento-locks", "session-guide"} {
		d, err := newDriver(f.Context(), []string{"../../testdata/incidents/" + dir}, nil, 1)
		if err != nil {
			f.Fatal(err)
		}
		fold, err := d.fold(f.Context(), time.Time{}, time.Time{})
		if err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		if err := fold.WriteDigest(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fold, err := correlate.ReadDigest(bytes.NewReader(b), "x/", "web1")
		if err != nil {
			return
		}
		merged := correlate.NewTimeline()
		merged.Merge(fold)
		rep := rules.Judge(merged.Incident(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), correlate.Options{}))
		if err := report.JSON(io.Discard, rep); err != nil {
			t.Fatal(err)
		}
	})
}
