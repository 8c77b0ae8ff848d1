package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// find names the servers to ask now. Where nobody answers who knows, it stays with those that were found last; where none
// ever were, trouble says why.
func (r *Redis) find(ctx context.Context) (nodes []*redisNode, trouble string) {
	addrs := r.seeds
	switch r.kind {
	case bySentinel:
		addrs, trouble = r.ask(ctx, "Sentinel", r.seeds, r.askSentinel)
		r.tellMaster(addrs)
	case ofCluster:
		r.mu.Lock()
		seeds := slices.Concat(r.last, r.seeds) // the seeds may be gone since
		r.mu.Unlock()
		addrs, trouble = r.ask(ctx, "node of the cluster", seeds, r.askCluster)
	}
	for _, addr := range addrs {
		nodes = append(nodes, r.node(addr))
	}
	return nodes, trouble
}

// ask asks one seed after the other, first the one that answered last.
func (r *Redis) ask(ctx context.Context, what string, seeds []string, one func(context.Context, string) ([]string, error)) ([]string, string) {
	r.mu.Lock()
	first, last := r.finder, r.last
	r.mu.Unlock()
	if first != "" {
		seeds = append([]string{first}, seeds...)
	}
	trouble := ""
	asked := map[string]bool{}
	for _, seed := range seeds {
		if asked[seed] {
			continue
		}
		asked[seed] = true
		limited, stop := context.WithTimeout(ctx, redisDial)
		addrs, err := one(limited, seed)
		stop()
		if ctx.Err() != nil {
			return nil, ""
		}
		if err == nil {
			slices.Sort(addrs)
			r.found(seed, addrs, what)
			return addrs, ""
		}
		if trouble == "" {
			trouble = redisError(seed, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == "" {
		r.lost = fmt.Sprintf("no %s answers: %s", what, trouble)
		r.notice(r.lost)
	}
	return last, trouble
}

func (r *Redis) found(seed string, addrs []string, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost != "" {
		r.notice(fmt.Sprintf("%s %s answers again", what, seed))
	}
	if len(r.last) > 0 && r.kind == ofCluster && !slices.Equal(r.last, addrs) {
		r.notice(fmt.Sprintf("the cluster's masters are now %s", strings.Join(addrs, ", ")))
	}
	r.finder, r.last, r.lost = seed, addrs, ""
	for addr, n := range r.nodes {
		if !slices.Contains(addrs, addr) { // a master no more
			n.client.Close()
			delete(r.nodes, addr)
		}
	}
}

func (r *Redis) tellMaster(addrs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(addrs) != 1 || addrs[0] == r.master {
		return
	}
	if r.master != "" {
		r.notice(fmt.Sprintf("failover: the master of %s is now %s, it was %s", r.name, addrs[0], r.master))
	}
	r.master = addrs[0]
}

// askSentinel asks one Sentinel for the address of the master.
func (r *Redis) askSentinel(ctx context.Context, seed string) ([]string, error) {
	c := newClient(r.sentinel, seed)
	defer c.Close()
	reply, err := c.Do(ctx, "SENTINEL", "get-master-addr-by-name", r.name).StringSlice()
	if errors.Is(err, redis.Nil) || err == nil && len(reply) != 2 {
		return nil, fmt.Errorf("it knows no master %q", r.name)
	}
	if err != nil {
		return nil, err
	}
	return []string{net.JoinHostPort(reply[0], reply[1])}, nil
}

// askCluster asks one node for the masters that hold slots.
func (r *Redis) askCluster(ctx context.Context, seed string) ([]string, error) {
	n := r.node(seed)
	text, err := n.client.Do(ctx, "CLUSTER", "NODES").Text()
	if err != nil {
		return nil, err
	}
	if addrs := clusterMasters(text, seed); len(addrs) > 0 {
		return addrs, nil
	}
	return nil, errors.New("it knows no master that holds slots")
}

// maxMasters is more than the thousand nodes that Redis Cluster is made for.
const maxMasters = 1000

// clusterMasters reads CLUSTER NODES (https://redis.io/docs/latest/commands/cluster-nodes/):
//
//	07c37df 127.0.0.1:30004@31004,hostname slave e7d1eec 0 1426238317239 4 connected
//	e7d1eec 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460
//
// A node that does not know its own address yet leaves it out. Masters that failed, or hold nothing, are left out.
func clusterMasters(text, seed string) []string {
	seedHost, _, _ := net.SplitHostPort(seed)
	var addrs []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 9 || len(addrs) == maxMasters {
			continue
		}
		flags := strings.Split(f[2], ",")
		if !slices.Contains(flags, "master") || slices.Contains(flags, "fail") || slices.Contains(flags, "noaddr") {
			continue
		}
		addr, _, _ := strings.Cut(f[1], "@")
		i := strings.LastIndexByte(addr, ':')
		if i < 0 {
			continue
		}
		host, port := addr[:i], addr[i+1:]
		if host == "" {
			host = seedHost
		}
		addrs = append(addrs, net.JoinHostPort(strings.Trim(host, "[]"), port))
	}
	return addrs
}
