package collect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
)

// maxUnfolded is how much of archives is held in memory, unpacked: as much as of a stream. The bundles that are handed round
// after an outage have 5 to 50 MiB.
const maxUnfolded = streamHeld

// Unfold takes small archives apart: each of their files is a unit of its own from then on, in memory, so that the census and
// the reading do not both unpack it, the files are read side by side, and copies among them are found as among any others. An
// archive that is too large, or not an archive, stays as it is. That took a fifth off the CPU of an incident of 5 MiB in a
// tar.gz, and a third off the wait for it on two cores.
func Unfold(ctx context.Context, units []*Unit) []*Unit {
	var all []*Unit
	left := int64(maxUnfolded)
	for _, u := range units {
		files, size, ok := u.unfold(ctx, left)
		if !ok {
			all = append(all, u)
			continue
		}
		left -= size
		all = append(all, files...)
	}
	return all
}

var errNotUnfolded = errors.New("not unfolded")

// unfold gives the files of an archive that has at most so many bytes.
func (u *Unit) unfold(ctx context.Context, most int64) (files []*Unit, size int64, ok bool) {
	if u.stream || u.err != nil || u.counter != nil || u.file == "" || u.Size > most || !mayBeArchive(u.file) {
		return nil, 0, false
	}
	var buf bytes.Buffer // grows to the largest file, where each of its own would be copied as it grows
	err := u.Each(ctx, func(in Input) error {
		if in.Err != nil {
			files = append(files, &Unit{Name: in.Name, host: in.Host, modTime: in.ModTime, err: in.Err, Packed: true})
			return nil
		}
		if in.Name == u.Name { // one packed file, of which the census reads only the beginning
			return errNotUnfolded
		}
		buf.Reset()
		n, err := buf.ReadFrom(io.LimitReader(in.R, most-size+1))
		if size += n; err != nil || size > most {
			return errNotUnfolded // what a damaged file still holds is told as it is read
		}
		file := Held(in, bytes.Clone(buf.Bytes()))
		file.Packed = true
		files = append(files, file)
		return nil
	})
	return files, size, err == nil && len(files) > 0
}

// mayBeArchive looks at the beginning of a file.
func mayBeArchive(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, peekSize)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	return isTar(head) || bytes.HasPrefix(head, []byte("PK")) || compressionOf(head) != nil
}
