package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis may be busy or hang when it matters most.
const (
	redisDial   = 2 * time.Second
	redisAnswer = 5 * time.Second
	redisSlow   = 500 * time.Millisecond // redis-cli says "(0.57s)" from there on
)

// Redis asks one server, and only what cannot change it.
type Redis struct {
	client *redis.Client
	addr   string
	notice func(string)
	state  string // what it was told last; "" = the server answers
}

var quietRedis = sync.OnceFunc(func() { redis.SetLogger(noLog{}) })

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

// OpenRedis prepares to ask the server at a URL: redis://, rediss:// (TLS) or unix://, with user and password. Nothing is
// sent before the first question.
func OpenRedis(url string, notice func(string)) (*Redis, error) {
	quietRedis()
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("redis URL: %w (use redis://[user:password@]host:6379, rediss://... for TLS, or unix:///path/to/redis.sock)", withoutURL(err, url))
	}
	o.Protocol = 2 // no HELLO, which servers before 6 do not know
	o.DisableIdentity = true
	o.MaxRetries, o.DialerRetries = -1, 1 // the next poll is the retry
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDial, redisAnswer, redisAnswer
	o.ContextTimeoutEnabled = true
	o.PoolSize = 1
	r := &Redis{client: redis.NewClient(o), addr: o.Addr, notice: notice}
	r.client.AddHook(readOnly{})
	return r, nil
}

// withoutURL keeps the password out of the message of an URL that cannot be parsed.
func withoutURL(err error, url string) error {
	if text := strings.ReplaceAll(err.Error(), url, "..."); text != err.Error() {
		return errors.New(text)
	}
	return err
}

func (r *Redis) Close() error { return r.client.Close() }

// Info is INFO as `date; redis-cli info all` prints it, the error of a server that does not answer included.
func (r *Redis) Info(ctx context.Context) []byte {
	var b bytes.Buffer
	began := time.Now()
	info, err := r.client.Info(ctx, "all").Result()
	took := time.Since(began)
	b.WriteString(dateLine(time.Now()))
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		text := r.errorLine(err)
		r.tell(text)
		b.WriteString(text + "\n")
		return b.Bytes()
	}
	b.WriteString(info)
	if !strings.HasSuffix(info, "\n") {
		b.WriteByte('\n')
	}
	if took >= redisSlow {
		fmt.Fprintf(&b, "(%.2fs)\n", took.Seconds())
		r.notice(fmt.Sprintf("Redis at %s took %.1f s to answer", r.addr, took.Seconds()))
	}
	r.tell("")
	return b.Bytes()
}

// tell speaks when the state is another one.
func (r *Redis) tell(state string) {
	if state == r.state {
		return
	}
	if r.state = state; state == "" {
		state = "Redis at " + r.addr + " answers again"
	}
	r.notice(state)
}

// errorLine is what redis-cli says of the same trouble, which the parser of INFO knows.
func (r *Redis) errorLine(err error) string {
	var reply redis.Error
	var timeout net.Error
	switch {
	case errors.As(err, &reply):
		return firstLine(err.Error())
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Could not connect to Redis at " + r.addr + ": Connection refused"
	case errors.Is(err, syscall.ENOENT):
		return "Could not connect to Redis at " + r.addr + ": No such file or directory"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "Error: Server closed the connection"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer from Redis at %s within %v", r.addr, redisAnswer) // busy, stopped, or the network: not said to be dead
	}
	return "no answer from Redis at " + r.addr + ": " + firstLine(err.Error())
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimRight(s, "\r")
}

// readOnly is the hook that lets nothing pass which could change the server, or stop it for long.
type readOnly struct{}

// mayAsk are the commands by name; a list limits the subcommand.
var mayAsk = map[string][]string{
	"info": nil, "scan": nil, "ttl": nil, "pttl": nil, "type": nil, "dbsize": nil,
	"config": {"get"}, "memory": {"usage"}, "slowlog": {"get"}, "latency": {"latest", "history"}, "client": {"list"},
	"auth": nil, "hello": nil, "select": nil, // the client's own, to come in
}

func allowed(cmd redis.Cmder) error {
	name := strings.ToLower(cmd.Name())
	subs, ok := mayAsk[name]
	sub := ""
	if args := cmd.Args(); len(args) > 1 {
		sub = strings.ToLower(fmt.Sprint(args[1]))
	}
	if !ok || subs != nil && !slices.Contains(subs, sub) {
		err := fmt.Errorf("redis %q: refused: culprit asks only what cannot change the server", strings.TrimSpace(name+" "+sub))
		cmd.SetErr(err)
		return err
	}
	return nil
}

func (readOnly) DialHook(next redis.DialHook) redis.DialHook { return next }

func (readOnly) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := allowed(cmd); err != nil {
			return err
		}
		return next(ctx, cmd)
	}
}

func (readOnly) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if name := strings.ToLower(cmd.Name()); name == "multi" || name == "exec" {
				continue // TxPipeline's brackets: what stands between them counts
			}
			if err := allowed(cmd); err != nil {
				return err
			}
		}
		return next(ctx, cmds)
	}
}
