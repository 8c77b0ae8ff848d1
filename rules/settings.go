package rules

import (
	"slices"
	"strconv"
	"strings"

	"culprit/correlate"
	"culprit/parsers"
)

// settings finds directives of one system by name, in file order.
func (c *Case) settings(system, name string) []correlate.Setting {
	var out []correlate.Setting
	for _, s := range c.Settings {
		if s.System == system && strings.EqualFold(strings.ReplaceAll(s.Name, "-", "_"), strings.ReplaceAll(name, "-", "_")) {
			out = append(out, s)
		}
	}
	return out
}

// bufferPool is innodb_buffer_pool_size.
func (c *Case) bufferPool() (Amount, bool) {
	for _, s := range slices.Backward(c.settings("mysql", "innodb_buffer_pool_size")) {
		if n, ok := sizeOf(s.Value()); ok {
			return Amount{n, true, s.Ev}, true
		}
	}
	return Amount{}, false
}

// maxChildren sums pm.max_children over the pools; the setting returned is the largest pool's.
func (c *Case) maxChildren() (correlate.Setting, int64, bool) {
	var best correlate.Setting
	most, sum := int64(-1), int64(0)
	for _, s := range c.settings("php-fpm", "pm.max_children") {
		n, err := strconv.ParseInt(strings.TrimSpace(s.Value()), 10, 64)
		if err != nil {
			continue
		}
		sum += n
		if n > most {
			best, most = s, n
		}
	}
	return best, sum, most >= 0
}

// sizeOf reads MySQL's, PHP's and systemd's sizes: a number with K, M, G or T of 1024.
func sizeOf(s string) (int64, bool) {
	s = strings.TrimSpace(strings.Trim(strings.TrimSpace(s), `"'`))
	if s == "" {
		return 0, false
	}
	shift := 0
	trimmed := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(s), "IB"), "B")
	switch trimmed[max(len(trimmed)-1, 0):] {
	case "K":
		shift = 10
	case "M":
		shift = 20
	case "G":
		shift = 30
	case "T":
		shift = 40
	}
	if shift > 0 {
		trimmed = trimmed[:len(trimmed)-1]
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(trimmed), 64)
	if err != nil || f < 0 || f > 1e15 {
		return 0, false
	}
	return int64(f * float64(int64(1)<<shift)), true
}

// maxmemory is Redis's limit: what INFO says was in force before the end, else redis.conf. 0 = none; ok false = unknown.
func (c *Case) maxmemory() (Amount, bool) {
	if s := c.lastWith(func(s *correlate.Snapshot) bool { return s.Max.OK }); s != nil {
		return Amount{s.Max.N, true, s.Evidence("maxmemory", "")}, true
	}
	if c.Redis == nil || c.Redis.ConfigFile == "" {
		return Amount{}, false
	}
	s, ok := c.Redis.Config["maxmemory"]
	if !ok {
		return Amount{0, true, correlate.Evidence{File: c.Redis.ConfigFile, Line: 1, Note: "no maxmemory line in this file: the default is no limit"}}, true
	}
	n, err := parsers.ParseMemory(s.Value())
	if err != nil {
		return Amount{}, false
	}
	return Amount{n, true, s.Ev}, true
}

// policy is maxmemory-policy, by INFO, else redis.conf, else Redis's default.
func (c *Case) policy() (string, correlate.Evidence) {
	if s := c.lastWith(func(s *correlate.Snapshot) bool { return s.Policy != "" }); s != nil {
		return s.Policy, s.Evidence("maxmemory_policy", "")
	}
	if c.Redis != nil && c.Redis.ConfigFile != "" {
		if s, ok := c.Redis.Config["maxmemory-policy"]; ok {
			return s.Value(), s.Ev
		}
		return "noeviction", correlate.Evidence{File: c.Redis.ConfigFile, Line: 1, Note: "no maxmemory-policy line: the default is noeviction"}
	}
	return "", correlate.Evidence{}
}

// lastWith is the newest snapshot of the run that carries something: people paste sections, not whole replies.
func (c *Case) lastWith(has func(*correlate.Snapshot) bool) *correlate.Snapshot {
	if c.Growth == nil {
		return nil
	}
	for i := len(c.Growth.Run) - 1; i >= 0; i-- {
		if s := &c.Growth.Run[i]; has(s) {
			return s
		}
	}
	return nil
}
