package collect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"culprit/parsers"
)

func TestKmsg(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	k, err := OpenKmsg(ctx, "/dev/kmsg", nil, func(s string) { t.Log(s) })
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
	second, err := r.ReadString('\n')
	if err != nil {
		t.Skip("one record alone")
	}
	// What a mark says was read is not read again.
	mark := json.RawMessage(fmt.Sprintf(`{"Boot":%q,"Seq":%d}`, k.boot, number([]byte(first))))
	again, err := OpenKmsg(ctx, "/dev/kmsg", mark, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(again).ReadString('\n'); err != nil || number([]byte(line)) != number([]byte(second)) {
		t.Errorf("behind %q: %q, %v; want %q", first, line, err, second)
	}
	stop()
	for err == nil { // the backlog, then the end: a reader that waits is woken
		_, err = r.ReadString('\n')
	}
}
