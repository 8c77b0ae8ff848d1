package parsers

import (
	"bytes"
	"path"
	"strings"
)

// php-fpm-slow is the slow log of a PHP-FPM pool: where each request stood when it had taken request_slowlog_timeout. The
// innermost call is first.
//
//	[18-Apr-2026 07:40:37]  [pool www] pid 3001
//	script_filename = /var/www/shop/index.php
//	[0x00007f1c2a213a10] curl_exec() /var/www/shop/lib/payment.php:88
//	[0x00007f1c2a2139a0] call_gateway() /var/www/shop/lib/payment.php:40
var _ = register(Parser{
	Name:  "php-fpm-slow",
	Doc:   "slow log of a PHP-FPM pool -> pool-event",
	Match: matchFPMSlow,
	Parse: parseFPMSlow,
})

func matchFPMSlow(h *Head) int {
	if !bytes.Contains(h.Text, []byte("script_filename = ")) || !bytes.Contains(h.Text, []byte("[pool ")) {
		return 0
	}
	return SureMark
}

func parseFPMSlow(src *Source, emit func(Record)) error {
	var open *PoolEvent
	var rec Record
	flush := func() {
		if open != nil {
			rec.Fact = open
			emit(rec)
			open = nil
		}
	}
	err := EachLine(src, func(line []byte, at Pos) {
		text := strings.TrimSpace(string(line))
		switch {
		case open != nil && strings.HasPrefix(text, "script_filename = "):
			open.Script = clip(strings.TrimPrefix(text, "script_filename = "), maxEventText)
		case open != nil && strings.HasPrefix(text, "[0x"):
			if _, frame, ok := strings.Cut(text, "] "); ok && open.WaitsIn == "" {
				open.WaitsIn = fpmFrame(frame)
				rec.At, rec.Raw = at, bytes.Clone(line)
			}
		default:
			s, msg := lineStamp(line)
			rest, ok := strings.CutPrefix(strings.TrimSpace(msg), "[pool ")
			if !ok {
				src.Skip(at.Line, line, "no entry of a slow log")
				return
			}
			flush()
			pool, rest, _ := strings.Cut(rest, "]")
			open = &PoolEvent{Event: "slow", Pool: pool, PID: numberAfter(rest, "pid ")}
			rec = s.put(Record{At: at, Raw: bytes.Clone(line)})
		}
	})
	flush()
	return err
}

// fpmFrame shortens "curl_exec() /var/www/shop/lib/payment.php:88" to its file's name.
func fpmFrame(frame string) string {
	call, file, ok := strings.Cut(frame, " ")
	if !ok {
		return clip(frame, maxEventText)
	}
	return clip(call+" "+path.Base(file), maxEventText)
}
