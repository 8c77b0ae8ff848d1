package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// shopLog is an access log as a shop's nginx writes it, made up: 40 hours, day and night alike, of pictures and style
// sheets with hashes in their names, products, searches, carts, three crawlers, and one line of a thousand damaged. Most of
// its paths are asked for once, which is the hardest case for the reader.
type shopLog struct {
	size    int64
	clients int
	uniform bool // every client asks as often as any other, instead of a few for nearly all
}

func (l shopLog) write(to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<20)
	r := rand.New(rand.NewPCG(6, 216))
	few := rand.NewZipf(r, 1.08, 40, uint64(l.clients-1))
	agents := browserAgents(r, 3000)
	fewAgents := rand.NewZipf(r, 1.2, 8, uint64(len(agents)-1))
	start := time.Date(2026, 4, 18, 0, 0, 0, 0, time.UTC)
	const perLine = 200 // bytes, more or less
	step := float64(40*time.Hour) / (float64(l.size) / perLine)
	var line, stamp []byte
	last := int64(-1)
	for n, written := 0, int64(0); written < l.size; n++ {
		at := start.Add(time.Duration(float64(n) * step))
		if at.Unix() != last {
			last, stamp = at.Unix(), at.AppendFormat(stamp[:0], " - - [02/Jan/2006:15:04:05 -0700] \"")
		}
		client := int(few.Uint64())
		if l.uniform {
			client = r.IntN(l.clients)
		}
		line = line[:0]
		agent := agents[(client*7919+int(fewAgents.Uint64()))%len(agents)]
		switch k := r.IntN(1000); {
		case k == 0:
			line = append(line, "203.0.113.9 - - [18/Apr/2026:1\n"...)
		case k < 60:
			line, agent = append(line, "203.0.113.44"...), "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
		case k < 80:
			line, agent = append(line, "2001:db8:5::17"...), "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"
		case k < 90:
			line, agent = append(line, "198.51.100.7"...), "python-requests/2.31.0"
		default:
			line = appendClient(line, client)
		}
		if line[len(line)-1] != '\n' {
			line = appendRequest(append(line, stamp...), r)
			line = append(append(line, agent...), "\"\n"...)
		}
		written += int64(len(line))
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

func appendClient(line []byte, n int) []byte {
	x := uint32(n) * 2654435761 // spreads neighbours over the internet
	if n%20 == 0 {
		return fmt.Appendf(line, "2a02:%x:%x:%x::%x", x>>20&0xfff|0x100, x>>8&0xfff, x&0xff, n&0xffff|1)
	}
	line = strconv.AppendUint(line, uint64(x>>24%200+20), 10)
	for _, b := range []uint32{x >> 16 & 0xff, x >> 8 & 0xff, x & 0xff} {
		line = strconv.AppendUint(append(line, '.'), uint64(b), 10)
	}
	return line
}

func appendRequest(line []byte, r *rand.Rand) []byte {
	words := [...]string{"red", "blue", "runner", "trail", "classic", "winter", "summer", "leather", "cotton", "slim"}
	word := func() string { return words[r.IntN(len(words))] }
	method, status, size := "GET", 200, 800+r.IntN(60000)
	line = append(line, "GET "...)
	path := len(line)
	switch k := r.IntN(100); {
	case k < 38:
		line = fmt.Appendf(line, "/static/build/%s.%05x.%s", word(), r.IntN(1<<20), [...]string{"css", "js", "png", "webp"}[r.IntN(4)])
	case k < 62:
		line = fmt.Appendf(line, "/product/%d/%s-%s-sneaker", 10000+r.IntN(40000), word(), word())
	case k < 74:
		line = fmt.Appendf(line, "/category/%s?page=%d&sort=price_asc", word(), r.IntN(60))
	case k < 80:
		line = fmt.Appendf(line, "/search?q=%s%%20%s&utm_source=newsletter&utm_campaign=%d", word(), word(), r.IntN(500))
	case k < 88:
		line, method, status, size = fmt.Appendf(line, "/api/v2/cart/%x", r.Int64N(1<<40)), "POST", 201, 300
	case k < 94:
		line = append(line, '/')
	case k < 97:
		line, status = append(line, "/wp-login.php"...), 404
	default:
		line = fmt.Appendf(line, "/checkout/step/%d", r.IntN(5))
		if r.IntN(5) == 0 {
			status, size = 502, 157
		}
	}
	if method != "GET" {
		line = append(line[:path-len("GET ")], method+" "+string(line[path:])...)
	}
	referer := [...]string{"-", "-", "https://www.google.com/", "https://shop.example.com/", "https://shop.example.com/category/shoes?page=2"}[r.IntN(5)]
	return fmt.Appendf(line, " HTTP/1.1\" %d %d \"%s\" \"", status, size, referer)
}

func browserAgents(r *rand.Rand, n int) []string {
	systems := [...]string{"Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 14; SM-S918B", "iPhone; CPU iPhone OS 17_4 like Mac OS X"}
	agents := make([]string, n)
	for i := range agents {
		agents[i] = fmt.Sprintf("Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.%d.%d Safari/537.36",
			systems[r.IntN(len(systems))], 90+r.IntN(40), 4000+r.IntN(2500), r.IntN(200))
	}
	return agents
}
