package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"culprit/rules"
)

// What tells the same tells the same verdict: logs rotated and compressed, files in other folders, other zones for the
// same instants, ten times the pictures. With a file less it is the same or less sure. It is never another culprit.
func TestMetamorphic(t *testing.T) {
	for name, files := range metamorphicCases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := judge(t, files)
			for _, m := range []struct {
				name   string
				change func(map[string]string) map[string]string
			}{{"rotated and compressed", rotated}, {"moved", moved}, {"another zone", rezoned}, {"ten times the pictures", morePictures}} {
				t.Run(m.name, func(t *testing.T) {
					rep := judge(t, m.change(maps.Clone(files)))
					if a, b := verdictOf(base), verdictOf(rep); a != b {
						t.Errorf("%s, was %s", b, a)
					}
					if math.Abs(base.Verdict.Confidence-rep.Verdict.Confidence) > 0.05 {
						t.Errorf("confidence %.2f, was %.2f", rep.Verdict.Confidence, base.Verdict.Confidence)
					}
					for _, who := range blamedAnew(base, rep) {
						t.Errorf("blames %s", who)
					}
				})
			}
			for _, file := range slices.Sorted(maps.Keys(files)) {
				if !telling.MatchString(file) {
					continue
				}
				less := maps.Clone(files)
				delete(less, file)
				t.Run("without "+file, func(t *testing.T) {
					rep := judge(t, less)
					a, b := verdictOf(base), verdictOf(rep)
					why, excused := lostVerdicts[name+" without "+file]
					wrong := a != b && rep.Verdict.Outcome != rules.Inconclusive || len(blamedAnew(base, rep)) > 0
					if silent[name+" without "+file] && rep.Verdict.Outcome == rules.NoIncident && rep.Verdict.Confidence < base.Verdict.Confidence {
						wrong = false
					}
					switch {
					case excused && !wrong:
						t.Errorf("is right now: take it off the list (%s)", why)
					case !excused && wrong:
						t.Errorf("%s %.2f %s, was %s; newly blamed: %v", b, rep.Verdict.Confidence, rep.Verdict.Summary, a, blamedAnew(base, rep))
					}
				})
			}
		})
	}
}

// telling are the files whose loss can change a verdict: the others cost only time here.
var telling = regexp.MustCompile(`info|keys|kern|dmesg|redis[^/]*\.(log|conf)|access\.log$|error|timedatectl`)

// lostVerdicts are the files without which the verdict becomes another, each with why that is wrong.
var lostVerdicts = map[string]string{}

// silent are the files without which nothing is left to see: the pages do not fail.
var silent = map[string]bool{
	"evicted-whole without redis-info.log":          true,
	"hog-php-fpm8.1-whole without var/log/kern.log": true,
}

// metamorphicCases are the incidents of testdata and a dozen simulated ones.
func metamorphicCases(t *testing.T) map[string]map[string]string {
	cases := map[string]map[string]string{}
	dirs, err := filepath.Glob("../../testdata/incidents/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no incidents", err)
	}
	for _, dir := range fewer(dirs) {
		cases[filepath.Base(dir)] = incidentFiles(t, dir)
	}
	dozen := map[string]uint64{"declared/": 1, "stealthy/": 0, "embedded/": 0, "organic/": 0, "declared/maxmemory": 1, "evicted/": 0, "hog-php-fpm8.1/": 1, "fork/": 0, "cgroup/": 1, "fragmented/": 1, "locked/": 0, "quiet/spike": 1, "thin/kill-line": 0}
	for _, sc := range append(scenes(), causes()...) {
		if seed, ok := dozen[sc.name+"/"+sc.cut]; ok && !testing.Short() {
			cases[sc.name+"-"+cmp.Or(sc.cut, "whole")] = sc.play(seed).files()
		}
	}
	return cases
}

// incidentFiles reads an incident, compressed logs unpacked.
func incidentFiles(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "README.md" || e.Name() == "expected.json" {
			return err
		}
		name, _ := filepath.Rel(dir, file)
		if strings.HasSuffix(file, ".gz") {
			files[strings.TrimSuffix(name, ".gz")] = readGenerated(t, file)
			return nil
		}
		b, err := os.ReadFile(file)
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// rotated cuts the logs that were not rotated yet and compresses the older part.
func rotated(files map[string]string) map[string]string {
	for name, text := range maps.Clone(files) {
		if !strings.HasSuffix(name, ".log") || !strings.Contains(name, "var/log") || files[name+".1"] != "" || strings.Count(text, "\n") < 40 || strings.Contains(name, "kern") {
			continue
		}
		i := len(text)/2 + strings.IndexByte(text[len(text)/2:], '\n') + 1
		files[name], files[name+".1.gz"] = text[i:], packed(text[:i])
	}
	return files
}

// moved puts the files into folders with other names, in another order.
func moved(files map[string]string) map[string]string {
	out := map[string]string{}
	names := slices.Sorted(maps.Keys(files))
	for i, name := range names {
		if strings.Count(name, "/") > 1 && !strings.HasPrefix(name, "var/") && !strings.HasPrefix(name, "etc/") && !strings.HasPrefix(name, "srv/") {
			return files // the folders name hosts
		}
		out[fmt.Sprintf("evidence/%02d/%s", len(names)-i, name)] = files[name]
	}
	return out
}

var zonedStamp = regexp.MustCompile(`\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}`)

// rezoned writes the access logs' instants in another zone.
func rezoned(files map[string]string) map[string]string {
	const layout = "02/Jan/2006:15:04:05 -0700"
	zone := time.FixedZone("", -(3*3600 + 1800))
	for name, text := range files {
		if !strings.Contains(path.Base(name), "access") {
			continue
		}
		files[name] = zonedStamp.ReplaceAllStringFunc(text, func(s string) string {
			at, err := time.Parse(layout, s)
			if err != nil {
				return s
			}
			return at.In(zone).Format(layout)
		})
	}
	return files
}

var picture = regexp.MustCompile(`/(?:assets|wp-content|wp-includes|img|skin|media|static)/[^ "]*\.(?:css|js|svg|png|jpg|gif|woff2)`)

// morePictures has every request for a style sheet or picture made ten times: no session comes of it.
func morePictures(files map[string]string) map[string]string {
	for name, text := range files {
		if !strings.Contains(path.Base(name), "access") {
			continue
		}
		var out strings.Builder
		for line := range strings.Lines(text) {
			out.WriteString(line)
			if picture.MatchString(line) {
				out.WriteString(strings.Repeat(line, 9))
			}
		}
		files[name] = out.String()
	}
	return files
}

func verdictOf(rep *rules.Report) string { return cmp.Or(rep.Verdict.Cause, rep.Verdict.Outcome) }

// blamedAnew are the culprits of b that a does not name.
func blamedAnew(a, b *rules.Report) (out []string) {
	for _, c := range b.Culprits {
		if !slices.ContainsFunc(a.Culprits, func(x rules.Culprit) bool { return x.Kind == c.Kind && x.Value == c.Value }) {
			out = append(out, c.Kind+" "+c.Value)
		}
	}
	return out
}
