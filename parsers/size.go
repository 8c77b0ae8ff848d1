package parsers

import (
	"strconv"
	"strings"
)

// parseBytes reads a size as docker, Kubernetes, systemd and ps write it. Ki, Mi, Gi and a bare k, m, g count in 1024;
// KB, MB, GB too, since docker and systemd mean that, and only network columns mean 1000.
//
//	1536m  512Mi  1.5GiB  2G  268435456  7.637GiB
func parseBytes(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0, false
	}
	switch strings.ToLower(s[end:]) {
	case "", "b":
	case "k", "kb", "ki", "kib":
		n *= 1 << 10
	case "m", "mb", "mi", "mib":
		n *= 1 << 20
	case "g", "gb", "gi", "gib":
		n *= 1 << 30
	case "t", "tb", "ti", "tib":
		n *= 1 << 40
	default:
		return 0, false
	}
	if !(n >= 0 && n < 1<<60) {
		return 0, false
	}
	return int64(n + 0.5), true
}
