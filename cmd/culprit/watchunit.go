package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// printUnit writes a systemd service that runs this watch with the flags it was given, in as small a cage as it can work in.
func (w *watching) printUnit(out io.Writer, cmd *cobra.Command) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("--systemd: %w", err)
	}
	args, err := w.unitArgs(cmd)
	if err != nil {
		return err
	}
	words := []string{unitWord(program), "watch", "--plain"}
	for _, a := range args {
		words = append(words, unitWord(a))
	}
	_, err = fmt.Fprintf(out, unitText, strings.Join(words, " "))
	return err
}

// unitArgs are the flags that were given, with absolute paths: a service runs in /. What one may not read in a unit, which
// everybody can, is refused.
func (w *watching) unitArgs(cmd *cobra.Command) ([]string, error) {
	for _, to := range w.redis {
		if withPassword(to, "x") == to {
			return nil, errors.New("--systemd: a unit is readable by everybody; leave the password out of --redis, and put REDISCLI_AUTH=... into /etc/culprit.env (mode 0600)")
		}
	}
	if len(w.notify) > 0 {
		return nil, errors.New("--systemd: the address of a webhook is a secret, and a unit is readable by everybody; put CULPRIT_FLAGS=--notify=URL into /etc/culprit.env (mode 0600)")
	}
	if w.untilFinding != "" {
		return nil, errors.New("--systemd: with --until-finding the service would end, and be started again, for ever")
	}
	if w.record != "" && w.record != unitState {
		return nil, fmt.Errorf("--systemd: the service may write to %s alone; use --record %s, or no --record, which then is the same", unitState, unitState)
	}
	var args []string
	for _, name := range unitFlags {
		f := cmd.Flags().Lookup(name)
		if !f.Changed {
			continue
		}
		values, err := cmd.Flags().GetStringArray(name)
		if err != nil { // it is given once
			values = []string{f.Value.String()}
		}
		for _, v := range values {
			if slices.Contains(unitPaths, name) {
				if v, err = filepath.Abs(v); err != nil {
					return nil, fmt.Errorf("--systemd: --%s: %w", name, err)
				}
			}
			args = append(args, "--"+name+"="+v)
		}
	}
	return append(args, "--record="+unitState), nil
}

// unitFlags go into a unit, unitNever do not: it prints lines, never ends by itself, and keeps no secret.
var (
	unitFlags = []string{"access-log", "error-log", "nginx-conf", "kmsg", "journal", "redis", "record-max", "rules", "notify-command", "notify-about", "forecast-within", "metrics", "every", "ask"}
	unitPaths = []string{"access-log", "error-log", "nginx-conf", "rules"}
	unitNever = []string{"systemd", "plain", "json", "record", "notify", "until-finding"}
)

// unitWord quotes a word as systemd reads it: percent signs and dollars stand for themselves.
func unitWord(w string) string {
	w = strings.NewReplacer(`%`, `%%`, `$`, `$$`).Replace(w)
	if !strings.ContainsAny(w, " \t\"'\\;\n") {
		return w
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(w) + `"`
}

const unitState = "/var/lib/culprit"

// unitText is as strict as a watch allows. Groups: adm reads nginx's, PHP-FPM's and Redis's logs on Debian and its like,
// systemd-journal the journal. CAP_DAC_READ_SEARCH reads what these do not (redis.conf, logs of mode 0600), CAP_SYS_PTRACE
// looks into /proc of other users' processes (their namespaces), CAP_SYSLOG reads /dev/kmsg; none of them writes.
const unitText = `# Print anew with: culprit watch --systemd [FLAGS]; install as /etc/systemd/system/culprit.service, then:
#   systemctl daemon-reload && systemctl enable --now culprit && journalctl -fu culprit
# Secrets and flags that must not stand here: /etc/culprit.env (mode 0600), such as
#   REDISCLI_AUTH=the password of the Redis user
#   CULPRIT_FLAGS=--notify=https://hooks.example.com/services/...

[Unit]
Description=culprit: says what fills this host's memory before the kernel acts
After=network.target nginx.service redis-server.service

[Service]
ExecStart=%s $CULPRIT_FLAGS
EnvironmentFile=-/etc/culprit.env
Restart=on-failure
RestartSec=10s

# A guest on a dying machine: bounded, and not the first to go.
MemoryHigh=192M
MemoryMax=256M
MemorySwapMax=0
TasksMax=64
CPUWeight=20
Nice=5
OOMScoreAdjust=-500

# It reads, and writes its recording alone. To ask Redis by a socket of its group, name the group here too.
DynamicUser=yes
SupplementaryGroups=adm systemd-journal
StateDirectory=culprit
StateDirectoryMode=0700
UMask=0077
AmbientCapabilities=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_SYSLOG
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_SYSLOG
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=no
DeviceAllow=/dev/kmsg r
DevicePolicy=closed
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`
