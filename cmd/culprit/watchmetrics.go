package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"culprit/cmd/internal/report"
)

// serveMetrics answers GET /metrics at addr until ctx ends. An address without a host is this host's own loopback: the
// numbers of a shop are nobody else's business unless its operator says so.
func serveMetrics(ctx context.Context, addr string, shown *publisher) (net.Addr, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("--metrics %q: use PORT behind a colon, or HOST:PORT: %w", addr, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("--metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		live, _ := shown.latest()
		live.At = time.Now()
		var b bytes.Buffer
		if err := report.Metrics(&b, &live); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(b.Bytes())
	})
	const patience = 10 * time.Second // a scraper asks at once and reads at once
	s := &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	context.AfterFunc(ctx, func() { s.Close() })
	go func() { _ = s.Serve(l) }() // ends with Close
	return l.Addr(), nil
}
