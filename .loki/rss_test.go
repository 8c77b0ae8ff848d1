//go:build loki

package lokitest

import (
	"os/exec"
	"syscall"
)

// maxRSS is the most memory that a program took, in MB.
func maxRSS(cmd *exec.Cmd) int64 {
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss >> 10
	}
	return 0
}
