package collect

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// await polls until what is asked for is so.
func await(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !ask(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("not within a minute: " + what)
		}
	}
}

func (s *server) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// cli sends one command in the inline protocol and gives the first line of the answer.
func (s *server) cli(command string) string {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "%s\r\n", command)
	b := make([]byte, 1<<20)
	n, err := c.Read(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b[:n])
}

// A master dies and its replica is promoted by a real Sentinel: the watch goes over to the new master, and that is an
// event and no error.
func TestRedisFailover(t *testing.T) {
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.port))
	await(t, "replication", func() bool { return strings.Contains(replica.cli("INFO replication"), "master_link_status:up") })
	sentinel := startSentinel(t, master)
	await(t, "the Sentinel to know the replica", func() bool {
		return strings.Contains(sentinel.cli("SENTINEL REPLICAS mymaster"), fmt.Sprint(replica.port))
	})

	var notices []string
	r, err := OpenRedis(fmt.Sprintf("redis+sentinel://127.0.0.1:1,127.0.0.1:%d/mymaster", sentinel.port), func(n string) { notices = append(notices, n) })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var text []byte
	ask := func() string {
		answer := r.Info(t.Context())
		text = append(text, answer...)
		return string(answer)
	}
	if answer := ask(); !strings.Contains(answer, fmt.Sprintf("tcp_port:%d\r\n", master.port)) || len(notices) > 0 {
		t.Fatalf("%q, notices %q", answer, notices)
	}
	master.kill()
	await(t, "the new master", func() bool { return strings.Contains(ask(), fmt.Sprintf("tcp_port:%d\r\n", replica.port)) })
	infos, _ := facts(t, text)
	for i, want := range []int{master.port, replica.port} {
		if got := infos[len(infos)-2+i].Fields["tcp_port"]; got != fmt.Sprint(want) {
			t.Errorf("a snapshot of %s, want %d", got, want)
		}
	}
	if !slices.ContainsFunc(notices, func(n string) bool { return strings.HasPrefix(n, "failover: the master of mymaster is now") }) {
		t.Errorf("notices %q", notices)
	}
	sentinel.kill()
	if answer := ask(); !strings.Contains(answer, "used_memory:") || !strings.HasPrefix(notices[len(notices)-1], "no Sentinel answers") {
		t.Errorf("without a Sentinel: %q, notices %q", answer, notices)
	}
}

func startSentinel(t *testing.T, master *server) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, port: l.Addr().(*net.TCPAddr).Port, dir: t.TempDir()}
	l.Close()
	conf := filepath.Join(s.dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor mymaster 127.0.0.1 %d 1\nsentinel down-after-milliseconds mymaster 300\nsentinel failover-timeout mymaster 3000\n", s.port, s.dir, master.port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command("redis-server", conf, "--sentinel")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	await(t, "the Sentinel", s.listens)
	return s
}

func (s *server) listens() bool {
	c, err := net.Dial("tcp", s.addr())
	if err == nil {
		c.Close()
	}
	return err == nil
}

// Every master of a cluster is asked, whichever node was named, and told apart; one that is down is told, the others go on.
func TestRedisCluster(t *testing.T) {
	var nodes []*server
	for range 3 {
		nodes = append(nodes, startRedis(t, "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"))
	}
	for i, n := range nodes {
		n.cli(fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", i*5461, min((i+1)*5461-1, 16383)))
		n.cli(fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d", i+1))
	}
	for _, n := range nodes[1:] {
		nodes[0].cli(fmt.Sprintf("CLUSTER MEET 127.0.0.1 %d", n.port))
	}
	for _, n := range nodes {
		await(t, "the cluster to know itself", func() bool {
			return len(clusterMasters(n.cli("CLUSTER NODES"), n.addr())) == 3 && strings.Contains(n.cli("CLUSTER INFO"), "cluster_state:ok")
		})
	}
	var notices []string
	r, err := OpenRedis("redis+cluster://"+nodes[1].addr(), func(n string) { notices = append(notices, n) })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ports := func(text []byte) []string {
		infos, _ := facts(t, text)
		var all []string
		for _, i := range infos {
			all = append(all, i.Fields["tcp_port"])
		}
		slices.Sort(all)
		return all
	}
	want := []string{fmt.Sprint(nodes[0].port), fmt.Sprint(nodes[1].port), fmt.Sprint(nodes[2].port)}
	slices.Sort(want)
	if got := ports(r.Info(t.Context())); !slices.Equal(got, want) || len(notices) > 0 {
		t.Errorf("asked %v, want %v; notices %q", got, want, notices)
	}
	for _, n := range r.nodes {
		if err := n.client.Do(t.Context(), "SET", "a", "1").Err(); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: a write: %v", n.addr, err)
		}
	}
	nodes[1].kill() // the one that was named
	if text := r.Info(t.Context()); len(ports(text)) != 2 || !strings.Contains(strings.Join(notices, "\n"), nodes[1].addr()) {
		t.Errorf("%d snapshots, notices %q, want one of %s", len(ports(text)), notices, nodes[1].addr())
	}
}

func TestClusterMasters(t *testing.T) {
	got := clusterMasters(`07c37df 192.0.2.4:6379@16379,shop-4.example.com slave e7d1eec 0 1426238317239 4 connected
67ed2db 192.0.2.2:6379@16379 master - 0 1426238316232 2 connected 5461-10922
292f8b3 192.0.2.3:6379@16379 master,fail - 0 1426238318243 3 connected 10923-16383
6ec2392 192.0.2.5:6379@16379 master - 0 1426238316232 5 connected
aec2392 :0@0 master,noaddr - 0 1426238316232 5 disconnected 1
824fe11 2001:db8::5:6379@16379 slave 67ed2db 0 1426238316232 5 connected
e7d1eec :6379@16379 myself,master - 0 0 1 connected 0-5460
half a line`, "192.0.2.1:6379")
	if want := []string{"192.0.2.2:6379", "192.0.2.1:6379"}; !slices.Equal(got, want) {
		t.Errorf("masters %v, want %v", got, want)
	}
}

func TestRedisURL(t *testing.T) {
	f := func(raw string, kind redisKind, name string, seeds ...string) {
		t.Helper()
		u, err := parseRedisURL(raw)
		if err != nil || u.kind != kind || u.name != name || !slices.Equal(u.seeds, seeds) {
			t.Errorf("%s: %v %q %q, %v", raw, u.kind, u.name, u.seeds, err)
		}
	}
	f("redis://localhost", oneServer, "", "localhost:6379")
	f("redis://:secret@[::1]:6380/3", oneServer, "", "[::1]:6380")
	f("unix:///run/redis.sock?db=2", oneServer, "", "/run/redis.sock")
	f("redis+sentinel://:secret@192.0.2.1,192.0.2.2:26380/mymaster/2?sentinel_password=s3cret", bySentinel, "mymaster", "192.0.2.1:26379", "192.0.2.2:26380")
	f("rediss+cluster://u:secret@192.0.2.1:7000,192.0.2.2:7000?skip_verify=true", ofCluster, "", "192.0.2.1:7000", "192.0.2.2:7000")
	if u, _ := parseRedisURL("redis+sentinel://u:secret@192.0.2.1/m/2?sentinel_user=s&sentinel_password=p"); u.server.Password != "secret" ||
		u.server.DB != 2 || u.sentinel.Username != "s" || u.sentinel.Password != "p" || u.sentinel.DB != 0 {
		t.Errorf("%+v, %+v", u.server, u.sentinel)
	}
	for _, raw := range []string{
		"http://:secret@localhost", "redis+other://:secret@localhost", "unix+sentinel:///x", "redis+sentinel://:secret@host", "redis+cluster://:secret@a,,b",
		"redis://:secret@host:port", "redis://:secret@host/x", "redis://:secret@host?nothing=1", "redis://:secret@host?cacert=/nowhere", "redis://:se%secret@host",
		"", "redis:/",
	} {
		if _, err := parseRedisURL(raw); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestRedisTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCert(t, cert, key)
	s := startRedis(t)
	s.kill()
	plain, secure := s.port, 0
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure = l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command("redis-server", "--port", fmt.Sprint(plain), "--bind", "127.0.0.1", "--save", "", "--dir", s.dir, "--tls-port", fmt.Sprint(secure),
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
	})
	await(t, "TLS", func() bool {
		select {
		case <-exited:
			t.Skip("this redis-server has no TLS: ", out.String())
		default:
		}
		return s.listens()
	})
	for params, want := range map[string]string{
		"?cacert=" + cert + "&cert=" + cert + "&key=" + key: "used_memory:",
		"?skip_verify=true&cert=" + cert + "&key=" + key:    "used_memory:",
		"": "certificate",
	} {
		r, err := OpenRedis(fmt.Sprintf("rediss://127.0.0.1:%d%s", secure, params), func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		if text := r.Info(t.Context()); !strings.Contains(string(text), want) {
			t.Errorf("%q: %q", params, text)
		}
		r.Close()
	}
}

func writeCert(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A server that stands still for a second has its answer waited for, and the wait told.
func TestRedisIsSlow(t *testing.T) {
	s := startRedis(t)
	var notices []string
	r := s.open(t, &notices)
	r.Info(t.Context())
	s.cmd.Process.Signal(syscall.SIGSTOP)
	go func() {
		time.Sleep(time.Second)
		s.cmd.Process.Signal(syscall.SIGCONT)
	}()
	infos, events := facts(t, r.Info(t.Context()))
	if len(infos) != 1 || len(events) > 0 || len(notices) != 1 || !strings.Contains(notices[0], "s to answer") {
		t.Errorf("%d snapshots, events %q, notices %q", len(infos), events, notices)
	}
}

// A server that reads its dump answers INFO, and what it says then is not its load.
func TestRedisIsLoading(t *testing.T) {
	s := startRedis(t)
	for i := range 20 {
		var b strings.Builder
		b.WriteString("MSET")
		for j := range 500 {
			fmt.Fprintf(&b, " sess:%d %s", i*500+j, padding)
		}
		if got := s.cli(b.String()); !strings.HasPrefix(got, "+OK") {
			t.Fatal(got)
		}
	}
	s.cli("SAVE")
	s.kill()
	s.start("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
	var notices []string
	r := s.open(t, &notices)
	await(t, "loading", func() bool { r.Info(t.Context()); return len(notices) > 0 })
	if !strings.Contains(notices[0], "is loading its dataset") {
		t.Errorf("notices %q", notices)
	}
	s.cli("CONFIG SET key-load-delay 0")
	await(t, "the end of it", func() bool { r.Info(t.Context()); return len(notices) > 1 })
	if !strings.HasSuffix(notices[1], "answers again") {
		t.Errorf("notices %q", notices)
	}
}
