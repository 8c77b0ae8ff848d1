package parsers

import (
	"strings"
)

// docker-table is the output of docker stats, docker ps, or kubectl get pods:
//
//	CONTAINER ID   NAME    CPU %     MEM USAGE / LIMIT     MEM %     NET I/O          BLOCK I/O        PIDS
//	9f1c2d3e4a5b   redis   1.10%     498.2MiB / 512MiB     97.30%    1.2GB / 800MB    10MB / 5MB       6
//
//	CONTAINER ID   IMAGE       COMMAND                  CREATED       STATUS                       PORTS      NAMES
//	9f1c2d3e4a5b   redis:7.0   "docker-entrypoint.s…"   2 weeks ago   Exited (137) 2 minutes ago   6379/tcp   redis
//
//	NAME      READY   STATUS      RESTARTS      AGE
//	redis-0   0/1     OOMKilled   5 (2m ago)    3d
var _ = register(Parser{
	Name:  "docker-table",
	Doc:   "docker stats, docker ps, kubectl get pods, kubectl top pods -> container",
	Match: matchDockerTable,
	Parse: parseDockerTable,
})

func matchDockerTable(h *Head) int {
	for i, line := range h.Texts(20) {
		if isContainerHeader(line) {
			if i < 5 {
				return SureMark - 5
			}
			return SureHabit
		}
	}
	return 0
}

func isContainerHeader(s string) bool {
	return strings.Contains(s, "MEM USAGE / LIMIT") || strings.Contains(s, "CONTAINER ID") && strings.Contains(s, "STATUS") ||
		strings.Contains(s, "NAME ") && strings.Contains(s, "READY ") && strings.Contains(s, "RESTARTS") ||
		strings.Contains(s, "CPU(cores)") && strings.Contains(s, "MEMORY(bytes)") && !strings.Contains(s, "MEMORY%") // kubectl top pods; of nodes it has shares
}

func parseDockerTable(src *Source, emit func(Record)) error {
	var columns []string
	return EachLine(src, func(line []byte, at Pos) {
		s := string(line)
		if isContainerHeader(s) {
			columns = tableColumns(s)
			return
		}
		if _, ok := promptCommand(s); ok || columns == nil {
			return
		}
		if _, ok := dateStamp(s); ok {
			return
		}
		cells := tableColumns(s)
		if len(cells) < min(4, len(columns)) {
			src.Skip(at.Line, line, "fewer cells than a row of containers has")
			return
		}
		if c := containerRow(columns, cells); c != nil {
			if c.Status == "Evicted" {
				emit(Record{At: at, Raw: line, Fact: &ServiceEvent{Program: "kubelet", Event: "evicted", Unit: c.Name, Text: s}})
			}
			emit(Record{At: at, Raw: line, Fact: c})
			return
		}
		src.Skip(at.Line, line, "a row without a container's name")
	})
}

// tableColumns splits at two blanks or more: single blanks stand inside cells.
func tableColumns(s string) []string {
	var cells []string
	for _, cell := range strings.Split(strings.ReplaceAll(s, "\t", "  "), "  ") {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}

func containerRow(columns, cells []string) *Container {
	c := &Container{}
	for i, column := range columns {
		// PORTS is empty for a stopped container: what follows is found from the right.
		if len(cells) < len(columns) && i > 0 {
			if back := len(columns) - i; column == "NAMES" && back <= len(cells) {
				c.Name = cells[len(cells)-back]
			}
			if column == "PORTS" || column == "NAMES" {
				continue
			}
		}
		if i >= len(cells) {
			break
		}
		cell := cells[i]
		switch column {
		case "NAME", "NAMES":
			c.Name = cell
		case "CONTAINER", "CONTAINER ID":
			if c.Name == "" {
				c.Name = cell
			}
		case "IMAGE":
			c.Image = cell
		case "STATUS":
			c.Status = cell
			if strings.HasPrefix(cell, "Exited (") || strings.HasPrefix(cell, "Restarting (") {
				c.ExitCode = numberAfter(cell, "(")
			}
			if cell == "OOMKilled" {
				c.OOMKilled = "true"
			}
		case "MEMORY(bytes)":
			if n, ok := parseBytes(cell); ok {
				c.UsageBytes = Some(n)
			}
		case "RESTARTS":
			c.Restarts = numberAfter(" "+cell, " ")
		case "MEM USAGE / LIMIT":
			usage, limit, _ := strings.Cut(cell, " / ")
			if n, ok := parseBytes(usage); ok {
				c.UsageBytes = Some(n)
			}
			// Without a limit docker prints the host's RAM there, an odd number like 7.637GiB; limits are set in round ones.
			if n, ok := parseBytes(limit); ok && n > 0 && n%(32<<20) == 0 {
				c.LimitBytes = Some(n)
			}
		}
	}
	if c.Name == "" {
		return nil
	}
	return c
}
