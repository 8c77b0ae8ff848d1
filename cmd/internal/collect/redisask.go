package collect

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	sampleKeys  = 2000 // tells a share of 1 % to half a percent
	sampleCount = 100  // a SCAN, which holds the server up for well below a millisecond
	sampleScans = 2000 // an almost empty table of a server that was full gives none for a long time
	slowEntries = 128  // what the log keeps by default
)

// config is CONFIG GET *, a name and a value a line, as redis-cli prints it into a file.
func (n *redisNode) config(ctx context.Context) ([]byte, error) {
	all, err := n.client.ConfigGet(ctx, "*").Result()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value := oneLine(all[name])
		if value != "" && (strings.Contains(name, "pass") || strings.Contains(name, "auth") && !strings.HasPrefix(name, "tls-auth")) {
			value = "***"
		}
		fmt.Fprintf(&b, "%s\n%s\n", name, value)
	}
	return b.Bytes(), nil
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s)
}

// clients is CLIENT LIST.
func (n *redisNode) clients(ctx context.Context) ([]byte, error) {
	s, err := n.client.ClientList(ctx).Result()
	return []byte(s), err
}

// slowlog is SLOWLOG GET as redis-cli prints it in a terminal. Of a command its name and its key or pattern are kept,
// the rest is shown as ***: it holds values.
func (n *redisNode) slowlog(ctx context.Context) ([]byte, error) {
	entries, err := n.client.SlowLogGet(ctx, slowEntries).Result()
	if err != nil {
		return nil, err
	}
	mask := newMasking()
	var b bytes.Buffer
	for i, e := range entries {
		fmt.Fprintf(&b, "%3d) 1) (integer) %d\n     2) (integer) %d\n     3) (integer) %d\n", i+1, e.ID, e.Time.Unix(), e.Duration.Microseconds())
		for j, arg := range e.Args {
			switch {
			case j == 1:
				arg = mask.key(arg)
			case j > 1:
				arg = "***"
			}
			lead := "        "
			if j == 0 {
				lead = "     4) "
			}
			fmt.Fprintf(&b, "%s%d) %q\n", lead, j+1, arg)
		}
		fmt.Fprintf(&b, "     5) %q\n     6) %q\n", e.ClientAddr, e.ClientName)
	}
	return b.Bytes(), nil
}

// sample lists some keys with their type, TTL and memory. Where a name holds an id, another stands for it.
func (n *redisNode) sample(ctx context.Context) ([]byte, error) {
	mask := newMasking()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# sampled with SCAN at %s\n# key\ttype\tttl_s\tmemory_usage_bytes\n", time.Now().UTC().Format(time.RFC3339))
	cursor, keys := uint64(0), 0
	for scans := 0; keys < sampleKeys && scans < sampleScans; scans++ {
		page, next, err := n.client.Scan(ctx, cursor, "", sampleCount).Result()
		if err != nil {
			return b.Bytes(), err
		}
		p := n.client.Pipeline()
		type asked struct {
			key  string
			kind *redis.StatusCmd
			ttl  *redis.DurationCmd
			mem  *redis.IntCmd
		}
		var all []asked
		for _, key := range page {
			all = append(all, asked{key, p.Type(ctx, key), p.TTL(ctx, key), p.MemoryUsage(ctx, key)})
		}
		if len(all) > 0 {
			if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
				return b.Bytes(), err
			}
		}
		for _, a := range all {
			ttl := int64(a.ttl.Val() / time.Second)
			if a.ttl.Val() < 0 {
				ttl = int64(a.ttl.Val()) // go-redis has -1 and -2 as nanoseconds
			}
			if ttl == -2 || a.mem.Err() != nil { // expired in between
				continue
			}
			fmt.Fprintf(&b, "%s\t%s\t%d\t%d\n", mask.key(a.key), a.kind.Val(), ttl, a.mem.Val())
			keys++
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	return b.Bytes(), nil
}

// masking replaces ids in names by others of the same shape, so that a session cannot be taken over with a bundle. The
// same id gets the same one within a bundle; the salt is thrown away.
type masking struct{ salt [16]byte }

func newMasking() masking {
	var m masking
	_, _ = rand.Read(m.salt[:]) // never fails
	return m
}

var idInKey = regexp.MustCompile(`[0-9A-Za-z,]{16,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

func (m masking) key(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, name)
	return idInKey.ReplaceAllStringFunc(name, func(id string) string {
		if strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			return id // a word: an id of 16 and more characters has a digit
		}
		sum := sha256.Sum256(append(m.salt[:], id...))
		other := hex.EncodeToString(sum[:])
		for len(other) < len(id) {
			other += other
		}
		masked := []byte(id)
		for i := range masked {
			if id[i] != '-' && id[i] != ',' {
				masked[i] = other[i]
			}
		}
		return string(masked)
	})
}
