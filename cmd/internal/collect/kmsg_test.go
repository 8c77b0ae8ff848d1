package collect

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"culprit/parsers"
)

func TestKmsg(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	k, err := OpenKmsg(ctx, "/dev/kmsg", func(s string) { t.Log(s) })
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		t.Skip("/dev/kmsg cannot be read here: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(k)
	first, err := r.ReadString('\n')
	if err != nil {
		t.Skip("/dev/kmsg can be opened and not read here: ", err)
	}
	head := []byte(first)
	if p, ok := parsers.Detect("kmsg", head); !ok || p.Name != "kernel" {
		t.Errorf("%q was taken for %q", first, p.Name)
	}
	if strings.HasPrefix(first, " ") {
		t.Errorf("a record's second line: %q", first)
	}
	stop()
	for err == nil { // the backlog, then the end: a reader that waits is woken
		_, err = r.ReadString('\n')
	}
}
