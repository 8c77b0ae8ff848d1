package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"culprit/cmd/internal/collect"
	"culprit/cmd/internal/report"
	"culprit/parsers"
)

// told says whether the flags name anything to watch; if not, it is looked for.
func (w *watching) told() bool {
	return len(w.access)+len(w.errors)+len(w.redis) > 0 || w.kmsg || w.journal
}

// find looks for what to watch on this host, where the flags name nothing, and says what it found, how, and what it did not.
// Where they name access logs, it looks for their log_format alone.
func (w *watching) find(ctx context.Context, found collect.Found, say *teller) (collect.Found, error) {
	if w.nginxConf != "" {
		if _, err := os.Stat(w.nginxConf); err != nil {
			return found, fmt.Errorf("--nginx-conf: %w", err)
		}
		abs, err := filepath.Abs(w.nginxConf)
		if err != nil {
			return found, fmt.Errorf("--nginx-conf: %w", err)
		}
		told := w.host.NginxLogs(abs)
		of := func(format string) bool { return strings.HasPrefix(format, "nginx-") }
		found.Logs = append(told.Logs, slices.DeleteFunc(found.Logs, func(l collect.FoundLog) bool { return of(l.Format) })...)
		found.Configs = append(told.Configs, slices.DeleteFunc(found.Configs, func(c collect.FoundConfig) bool { return of(c.Format) })...)
		found.Missing = append(told.Missing, slices.DeleteFunc(found.Missing, func(m collect.Missing) bool { return m.What == "nginx" || m.What == "nginx.conf" })...)
	}
	if w.told() {
		if err := w.ringUnread(); w.kmsg && err != nil && w.journalInstead(ctx) {
			w.kmsg, w.journal = false, true
			say.event(report.LiveEvent{Kind: "found", Source: "journal", Text: fmt.Sprintf("the kernel's messages by journalctl, since %v", err)})
		}
		return found, nil
	}
	for _, l := range found.Logs {
		say.event(report.LiveEvent{Kind: "found", Source: l.Path, Text: l.Format + ", named by " + l.How})
	}
	for _, r := range found.Redis {
		say.event(report.LiveEvent{Kind: "found", Source: "Redis " + r.Name, Text: r.How})
	}
	if err := w.ringUnread(); err == nil {
		w.kmsg = true
		say.event(report.LiveEvent{Kind: "found", Source: "kmsg", Text: "the kernel's ring, " + w.kmsgFile})
	} else if w.journalInstead(ctx) {
		w.journal = true
		say.event(report.LiveEvent{Kind: "found", Source: "journal", Text: fmt.Sprintf("the kernel's messages by journalctl, since %v", err)})
	} else {
		why := collect.Remedy(w.kmsgFile, err)
		if os.IsPermission(err) {
			why += ", or give the program CAP_SYSLOG (setcap cap_syslog+ep CULPRIT)"
		}
		found.Missing = append(found.Missing, collect.Missing{What: "kernel log " + w.kmsgFile, Why: why, Denied: os.IsPermission(err)})
	}
	for _, m := range found.Missing {
		say.event(report.LiveEvent{Kind: "missing", Source: m.What, Text: m.Why})
	}
	if len(found.Logs)+len(found.Redis) == 0 && !w.kmsg && !w.journal {
		var lacks []string
		for _, m := range found.Missing {
			lacks = append(lacks, m.What+": "+m.Why)
		}
		return found, fmt.Errorf("nothing to watch was found on this host\n  %s", strings.Join(lacks, "\n  "))
	}
	return found, nil
}

// ringUnread is why the kernel's ring cannot be read.
func (w *watching) ringUnread() error {
	f, err := os.Open(w.kmsgFile)
	if err == nil {
		f.Close()
	}
	return err
}

// journalInstead says whether journalctl tells of the kernel: of this host's, which need not be the one that is watched.
func (w *watching) journalInstead(ctx context.Context) bool {
	return w.host.Root == "/" && collect.JournalAnswers(ctx)
}

// formatsFor are the log_formats that an access log may be written in: of a found one those of its nginx, of one that was
// named those of the configuration that names the same file; with --nginx-conf, those of that one in any case.
func (w *watching) formatsFor(file string, found collect.Found) *parsers.Hints {
	info, err := os.Stat(file)
	for _, l := range found.Logs {
		other, err2 := os.Stat(l.Path)
		if l.Path == file || err == nil && err2 == nil && os.SameFile(info, other) {
			return &parsers.Hints{LogFormats: l.Formats}
		}
	}
	if w.nginxConf != "" {
		for _, l := range found.Logs {
			if l.Format == "nginx-access" {
				return &parsers.Hints{LogFormats: l.Formats}
			}
		}
	}
	return nil
}

// withPassword puts in the password of the environment, as redis-cli takes it, where a URL names none: a command line is
// read by everybody.
func withPassword(to, password string) string {
	scheme, rest, ok := strings.Cut(to, "://")
	if !ok || password == "" {
		return to // what is wrong with it is said where it is opened
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	user, hosts := "", authority // by hand: several hosts are no URL
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, hosts = authority[:i], authority[i+1:]
	}
	if strings.Contains(user, ":") {
		return to
	}
	return scheme + "://" + user + url.UserPassword("", password).String() + "@" + hosts + path
}

// configReader gives a configuration once: into a recording that has it already it does not go again.
type configReader struct {
	*bytes.Reader
	sum string
}

func openConfig(text []byte, mark json.RawMessage, changed func(string)) io.Reader {
	if !bytes.HasSuffix(text, []byte("\n")) {
		text = append(slices.Clip(text), '\n')
	}
	sum := sha256.Sum256(text)
	c := configReader{bytes.NewReader(text), hex.EncodeToString(sum[:12])}
	if len(mark) == 0 {
		return c
	}
	var had string
	if json.Unmarshal(mark, &had) == nil && had != c.sum {
		changed("it was changed since the recording began, which keeps the first one; record into a new folder to have both")
	}
	c.Reader = bytes.NewReader(nil)
	return c
}

func (c configReader) Mark() json.RawMessage {
	b, _ := json.Marshal(c.sum) // a string of hexadecimal digits
	return b
}
