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

// Redis asks one server, the master that Sentinel names, or every master of a cluster, and only what cannot change it.
type Redis struct {
	redisURL
	notice func(string)

	mu     sync.Mutex
	nodes  map[string]*redisNode // by address, once asked
	last   []string              // addresses that were found last
	finder string                // the seed that answered last
	lost   string                // what was told of the finding; "" = it works
	master string                // of Sentinel, as told
}

// redisNode is one server.
type redisNode struct {
	client *redis.Client
	addr   string
	notice func(string)

	mu    sync.Mutex
	state string // what was told of it last; "" = it answers
}

var quietRedis = sync.OnceFunc(func() { redis.SetLogger(noLog{}) })

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

// OpenRedis prepares to ask what an URL names (see parseRedisURL). Nothing is sent before the first question.
func OpenRedis(url string, notice func(string)) (*Redis, error) {
	quietRedis()
	u, err := parseRedisURL(url)
	if err != nil {
		return nil, err
	}
	return &Redis{redisURL: u, notice: notice, nodes: map[string]*redisNode{}}, nil
}

func (r *Redis) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.nodes {
		n.client.Close()
	}
	return nil
}

// node is the server at an address.
func (r *Redis) node(addr string) *redisNode {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[addr]
	if n == nil {
		n = &redisNode{client: r.client(addr), addr: addr, notice: r.notice}
		r.nodes[addr] = n
	}
	return n
}

// Info is INFO of every server as `date; redis-cli info all` prints it, the error of one that does not answer included. They
// are asked at the same time; with more than one possible, redis-cli's prompt tells whose answer it is.
func (r *Redis) Info(ctx context.Context) []byte {
	nodes, trouble := r.find(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if len(nodes) == 0 {
		return []byte(dateLine(time.Now()) + trouble + "\n")
	}
	answers := make([][]byte, len(nodes))
	var asked sync.WaitGroup
	for i, n := range nodes {
		asked.Go(func() {
			prompt := ""
			if r.kind != oneServer {
				prompt = n.addr + "> info all\n"
			}
			answers[i] = n.info(ctx, prompt)
		})
	}
	asked.Wait()
	return bytes.Join(answers, nil)
}

func (n *redisNode) info(ctx context.Context, prompt string) []byte {
	var b bytes.Buffer
	began := time.Now()
	info, err := n.client.Info(ctx, "all").Result()
	took := time.Since(began)
	b.WriteString(dateLine(time.Now()))
	b.WriteString(prompt)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		text := n.errorLine(err)
		n.tell(text)
		b.WriteString(text + "\n")
		return b.Bytes()
	}
	b.WriteString(info)
	if !strings.HasSuffix(info, "\n") {
		b.WriteByte('\n')
	}
	if took >= redisSlow {
		fmt.Fprintf(&b, "(%.2fs)\n", took.Seconds())
		n.notice(fmt.Sprintf("Redis at %s took %.1f s to answer", n.addr, took.Seconds()))
	}
	state := ""
	if strings.Contains(info, "\nloading:1\r") {
		state = "Redis at " + n.addr + " is loading its dataset; what it holds is not told until it is done"
	}
	n.tell(state)
	return b.Bytes()
}

// tell speaks when the state is another one.
func (n *redisNode) tell(state string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if state == n.state {
		return
	}
	if n.state = state; state == "" {
		state = "Redis at " + n.addr + " answers again"
	}
	n.notice(state)
}

func (n *redisNode) errorLine(err error) string { return redisError(n.addr, err) }

// redisError is what redis-cli says of the same trouble, which the parser of INFO knows.
func redisError(addr string, err error) string {
	var reply redis.Error
	var timeout net.Error
	switch {
	case errors.As(err, &reply):
		return firstLine(err.Error())
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Could not connect to Redis at " + addr + ": Connection refused"
	case errors.Is(err, syscall.ENOENT):
		return "Could not connect to Redis at " + addr + ": No such file or directory"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "Error: Server closed the connection"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer from Redis at %s within %v", addr, redisAnswer) // busy, stopped, or the network: not said to be dead
	}
	return "no answer from Redis at " + addr + ": " + firstLine(err.Error())
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
	"cluster": {"nodes"}, "sentinel": {"get-master-addr-by-name"},
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
