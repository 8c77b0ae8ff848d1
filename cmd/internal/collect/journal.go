package collect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"culprit/parsers"
)

// Journal is the kernel's messages as journald keeps them, as one perpetual source of the lines of journalctl -o json: those
// of this boot, then what comes. journalctl itself is run, since its library needs cgo; where it ends it is started again
// behind the last line that was read.
type Journal struct {
	ctx    context.Context
	notice func(string)
	cursor string // of the last line that was read
	told   string // what was told of journalctl's end last

	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
	rest   []byte
}

type journalMark struct{ Cursor string }

// journalAgain is how long to wait before journalctl is started again: journald itself is restarted within a second.
const journalAgain = 2 * time.Second

// journalPatience bounds the look at whether there is a journal: on a slow disk the last entry is found in a second.
const journalPatience = 5 * time.Second

// OpenJournal begins behind mark, nil = at the boot.
func OpenJournal(ctx context.Context, mark json.RawMessage, notice func(string)) (*Journal, error) {
	if _, err := exec.LookPath("journalctl"); err != nil {
		return nil, fmt.Errorf("kernel log by journalctl: %w", err)
	}
	var m journalMark
	_ = json.Unmarshal(mark, &m) // one that cannot be read is none
	return &Journal{ctx: ctx, notice: notice, cursor: m.Cursor}, nil
}

// JournalAnswers says whether journalctl shows this user a message of the kernel.
func JournalAnswers(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, journalPatience)
	defer stop()
	cmd := exec.CommandContext(ctx, "journalctl", "-k", "-n", "1", "-o", "json", "--no-pager")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return err == nil && bytes.HasPrefix(out, []byte("{"))
}

// Mark is the cursor of the last line that was read whole.
func (j *Journal) Mark() json.RawMessage {
	b, err := json.Marshal(journalMark{j.cursor})
	if err != nil || j.cursor == "" {
		return nil
	}
	return b
}

// Read gives one entry, or as much of it as p takes.
func (j *Journal) Read(p []byte) (int, error) {
	for len(j.rest) == 0 {
		if j.ctx.Err() != nil {
			j.end()
			return 0, io.EOF
		}
		if j.cmd == nil {
			if err := j.start(); err != nil {
				return 0, err
			}
		}
		line, err := j.line()
		if err != nil {
			j.ended(err)
			continue
		}
		var entry struct {
			Cursor string `json:"__CURSOR"`
		}
		if json.Unmarshal(line, &entry) == nil && entry.Cursor != "" {
			j.cursor = entry.Cursor
		}
		j.rest = line
	}
	n := copy(p, j.rest)
	j.rest = j.rest[n:]
	return n, nil
}

func (j *Journal) start() error {
	args := []string{"-k", "-o", "json", "--no-pager", "--no-tail", "-f"}
	if j.cursor != "" {
		args = append(args, "--after-cursor="+j.cursor)
	}
	j.cmd = exec.CommandContext(j.ctx, "journalctl", args...)
	j.cmd.Env = append(os.Environ(), "LC_ALL=C")
	j.cmd.WaitDelay = time.Second
	j.stderr.Reset()
	j.cmd.Stderr = &bounded8K{w: &j.stderr}
	pipe, err := j.cmd.StdoutPipe()
	if err == nil {
		err = j.cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("journalctl: %w", err)
	}
	j.out = bufio.NewReaderSize(pipe, 64<<10)
	return nil
}

// line reads one entry. What is longer than a parser takes is cut, its end kept, so that it is one line.
func (j *Journal) line() ([]byte, error) {
	var all []byte
	for {
		part, err := j.out.ReadSlice('\n')
		if room := parsers.MaxLine + 1 - len(all); len(part) > room {
			part = part[:max(room, 0)]
		}
		all = append(all, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return nil, err // half a line comes again behind the cursor
		case all[len(all)-1] != '\n':
			return append(all, '\n'), nil
		default:
			return all, nil
		}
	}
}

// ended tells why journalctl is gone, once, and waits before the next.
func (j *Journal) ended(err error) {
	wait := j.end()
	if j.ctx.Err() != nil {
		return
	}
	text := firstLine(j.stderr.String())
	if text == "" && wait != nil {
		text = wait.Error()
	}
	if text == "" {
		text = plainError(err).Error()
	}
	if text = "journalctl ended: " + text + "; starting it again"; text != j.told {
		j.notice(text)
		j.told = text
	}
	select {
	case <-j.ctx.Done():
	case <-time.After(journalAgain):
	}
}

func (j *Journal) end() error {
	if j.cmd == nil {
		return nil
	}
	_ = j.cmd.Process.Kill() // it may be gone already
	err := j.cmd.Wait()
	j.cmd = nil
	return err
}

// bounded8K keeps the beginning of what a command complains.
type bounded8K struct{ w *bytes.Buffer }

func (b *bounded8K) Write(p []byte) (int, error) {
	b.w.Write(p[:min(len(p), max(8<<10-b.w.Len(), 0))])
	return len(p), nil
}
