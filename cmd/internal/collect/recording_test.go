package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func record(t *testing.T, dir string, most int64) (*Recording, *[]string) {
	t.Helper()
	var told []string
	r, err := OpenRecording(dir, most, func(s string) { told = append(told, s) })
	if err != nil {
		t.Fatal(err)
	}
	return r, &told
}

func track(t *testing.T, r *Recording, name, format string) *Track {
	t.Helper()
	tr, err := r.Track("/var/log/"+name, name, format, "")
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// readTracks reads a recording as an analysis does.
func readTracks(t *testing.T, dir string) (text map[string]string, errs []error) {
	t.Helper()
	text = map[string]string{}
	for _, u := range List([]string{dir}, nil) {
		if err := u.Each(t.Context(), func(in Input) error {
			if in.Err != nil {
				errs = append(errs, in.Err)
				return nil
			}
			b, err := io.ReadAll(in.R)
			if err != nil {
				errs = append(errs, err)
			}
			text[in.Name+" "+in.Format] = string(b)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return text, errs
}

// Lines that zstd cannot pack to nothing.
func noise(n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "%016x%016x\n", rand.Uint64(), rand.Uint64())
	}
	return b.String()
}

func onDisk(t *testing.T, dir string) (files int, size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == recordingFile {
			return err
		}
		info, err := e.Info()
		files, size = files+1, size+info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, size
}

// A recording is cut into segments, is gone on with by later runs, and reads as if neither had been.
func TestRecordingGivesEveryByteBack(t *testing.T) {
	dir := t.TempDir()
	var log, info string
	for run := range 3 {
		r, told := record(t, dir, 8<<20)
		a, b := track(t, r, "access.log", "nginx-access"), track(t, r, "redis-info.txt", "redis-info")
		if want := fmt.Sprintf(`{"run":%d}`, run-1); run > 0 && string(a.Mark()) != want {
			t.Errorf("mark %s, want %s", a.Mark(), want)
		}
		for i := range 20 {
			line := noise(2000 + i)
			log += line
			a.Write([]byte(line), json.RawMessage(fmt.Sprintf(`{"run":%d}`, run)), false)
			reply := fmt.Sprintf("used_memory:%d\n", i)
			info += reply
			b.Write([]byte(reply), nil, true)
		}
		r.Close()
		if len(*told) > 0 {
			t.Errorf("told %q", *told)
		}
	}
	if files, _ := onDisk(t, dir); files < 4 {
		t.Errorf("%d segments", files)
	}
	text, errs := readTracks(t, dir)
	if len(errs) > 0 || len(text) != 2 || text["access.log nginx-access"] != log || text["redis-info.txt redis-info"] != info {
		t.Errorf("%d tracks, %v", len(text), errs)
	}
	r, _ := record(t, dir, 8<<20)
	defer r.Close()
	for _, tr := range r.Tracks() {
		var all bytes.Buffer
		if err := tr.Replay(func(b []byte) error { all.Write(b); return nil }); err != nil {
			t.Fatal(err)
		}
		if all.String() != text[tr.Folder+" "+tr.Format] {
			t.Errorf("%s: the replay differs from the reading", tr.Folder)
		}
	}
	if _, err := OpenRecording(dir, 8<<20, nil); err == nil || !strings.Contains(err.Error(), "another watch") {
		t.Errorf("a second watch: %v", err)
	}
}

// The bound holds at every moment, the drop is told, the newest bytes stay, and a quiet track outlives the loud one.
func TestRecordingKeepsWithinItsBound(t *testing.T) {
	dir := t.TempDir()
	r, told := record(t, dir, RecordLeast)
	a, b := track(t, r, "access.log", "nginx-access"), track(t, r, "redis-info.txt", "redis-info")
	var log, info string
	for i := range 100 {
		line := noise(1500)
		log += line
		a.Write([]byte(line), nil, true)
		reply := fmt.Sprintf("used_memory:%d\n", i)
		info += reply
		b.Write([]byte(reply), nil, true)
		if _, size := onDisk(t, dir); size > RecordLeast || size != r.size {
			t.Fatalf("%d bytes on the disk, %d counted", size, r.size)
		}
	}
	r.Close()
	text, errs := readTracks(t, dir)
	kept := text["access.log nginx-access"]
	if len(errs) > 0 || !strings.HasSuffix(log, kept) || len(kept) < RecordLeast/2 {
		t.Errorf("%d bytes kept of %d, %v", len(kept), len(log), errs)
	}
	if text["redis-info.txt redis-info"] != info {
		t.Error("the quiet track was dropped")
	}
	if len(*told) == 0 || !strings.Contains((*told)[0], "dropped access.log from") {
		t.Errorf("told %q", *told)
	}
	if _, err := OpenRecording(t.TempDir(), RecordLeast-1, nil); err == nil {
		t.Error("a recording of no size")
	}
}

// Wherever a crash cuts the file, what stands before is read, and a later run goes on behind the last mark.
func TestRecordingIsCutShort(t *testing.T) {
	whole := t.TempDir()
	r, _ := record(t, whole, RecordLeast)
	a := track(t, r, "access.log", "nginx-access")
	var ends []int64
	var lines []string
	for i := range 8 {
		lines = append(lines, noise(3))
		mark := json.RawMessage(fmt.Sprint(i))
		if i%3 == 2 {
			mark = nil // within a piece
		}
		a.Write([]byte(lines[i]), mark, true)
		ends = append(ends, a.segments[0].size)
	}
	r.Close()
	content, err := os.ReadFile(a.segments[0].file)
	if err != nil {
		t.Fatal(err)
	}
	for cut := int64(0); cut <= int64(len(content)); cut += 7 {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "access.log", filepath.Base(a.segments[0].file))
		if err := os.Truncate(file, cut); err != nil {
			t.Fatal(err)
		}
		n, marked := 0, -1
		for n < len(ends) && ends[n] <= cut {
			if n%3 != 2 {
				marked = n
			}
			n++
		}
		text, errs := readTracks(t, dir)
		if got, want := text["access.log nginx-access"], strings.Join(lines[:n], ""); got != want || len(errs) > 0 {
			t.Fatalf("cut at %d: %q, %v, want %q", cut, got, errs, want)
		}
		r, _ := record(t, dir, RecordLeast)
		a := track(t, r, "access.log", "nginx-access")
		if marked >= 0 && string(a.Mark()) != fmt.Sprint(marked) {
			t.Fatalf("cut at %d: mark %s, want %d", cut, a.Mark(), marked)
		}
		a.Write([]byte("on\n"), json.RawMessage("99"), false)
		r.Close()
		text, errs = readTracks(t, dir)
		if got, want := text["access.log nginx-access"], strings.Join(lines[:marked+1], "")+"on\n"; got != want || len(errs) > 0 {
			t.Fatalf("gone on behind %d: %q, %v, want %q", cut, got, errs, want)
		}
	}
}

// A recording of a stranger's is no way out of its folder, and damage is told.
func TestRecordingOfAStranger(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"..", "a/b", "/etc", "."} {
		b, _ := json.Marshal(manifest{recordingSchema, []TrackInfo{{Folder: folder, Format: "kernel"}}})
		os.WriteFile(filepath.Join(dir, recordingFile), b, 0o600)
		if _, errs := readTracks(t, dir); len(errs) != 1 || !strings.Contains(errs[0].Error(), "no folder of it") {
			t.Errorf("%q: %v", folder, errs)
		}
	}
	dir = t.TempDir()
	r, _ := record(t, dir, 64<<20)
	a := track(t, r, "access.log", "nginx-access")
	for range 4 {
		a.Write([]byte(noise(6000)), nil, true)
	}
	r.Close()
	f, err := os.OpenFile(a.segments[0].file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("xxxx"), 0)
	f.Close()
	if _, errs := readTracks(t, dir); len(errs) != 1 || !strings.Contains(errs[0].Error(), "no frame at byte 0") {
		t.Errorf("damage: %v", errs)
	}
}
