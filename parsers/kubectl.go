package parsers

import (
	"cmp"
	"strings"
)

// kubectl-describe is `kubectl describe pod`, one or several:
//
//	Name:             redis-0
//	Containers:
//	  redis:
//	    Last State:     Terminated
//	      Reason:       OOMKilled
//	      Exit Code:    137
//	      Finished:     Tue, 03 Mar 2026 10:04:59 +0100
//	    Restart Count:  5
//	    Limits:
//	      memory:  512Mi
//
// A container's record has the Time of its last end, when it was killed. Exit code and reason are those of Last State where
// there is one: the present run is the one after the incident.
var _ = register(Parser{
	Name:  "kubectl-describe",
	Doc:   "kubectl describe pod -> container, service-event",
	Match: matchKubectlDescribe,
	Parse: parseKubectlDescribe,
})

func matchKubectlDescribe(h *Head) int {
	marks := map[string]bool{}
	for _, line := range h.Texts(400) {
		s := strings.TrimSpace(line)
		for _, mark := range []string{"Containers:", "Restart Count:", "Last State:", "Container ID:", "QoS Class:", "Namespace:", "Service Account:"} {
			if strings.HasPrefix(s, mark) {
				marks[mark] = true
			}
		}
	}
	switch {
	case marks["Containers:"] && len(marks) >= 2, len(marks) >= 4:
		return SureMark
	case marks["Restart Count:"] && marks["Last State:"]:
		return SureShape
	}
	return 0
}

type describing struct {
	c         Container
	at        Pos
	raw       string
	state     string // the block we are in: State, Last State, Limits, Requests, ...
	limitSeen bool
	lastState bool // Last State was given: it outranks State
	finished  stamp
	indent    int
}

func parseKubectlDescribe(src *Source, emit func(Record)) error {
	pod, inContainers, containerIndent := "", false, -1
	var d *describing
	flush := func() {
		if d != nil && (d.c.Restarts.OK || d.c.Image != "" || d.c.Status != "") {
			d.c.Name = strings.Trim(pod+"/"+d.c.Name, "/")
			d.c.Unlimited = !d.limitSeen && d.c.Restarts.OK
			r := Record{At: d.at, Raw: []byte(d.raw), Fact: &d.c}
			emit(d.finished.put(r))
		}
		d = nil
	}
	err := EachLine(src, func(line []byte, at Pos) {
		s := strings.ReplaceAll(string(line), "\t", "  ")
		body := strings.TrimSpace(s)
		indent := len(s) - len(strings.TrimLeft(s, " "))
		if r, ok := kubeEventRow(line); ok {
			if e, ok := r.Fact.(*ServiceEvent); ok {
				e.Unit = cmp.Or(e.Unit, pod)
				r.At = at
				emit(r)
			}
			return
		}
		name, value, ok := strings.Cut(body, ":")
		value = strings.TrimSpace(value)
		if !ok {
			return
		}
		if indent == 0 && name == "Message" {
			if e := evictionFact(pod, []byte(value)); e != nil {
				emit(Record{At: at, Raw: line, Fact: e})
			}
			return
		}
		switch {
		case indent == 0 && name == "Name":
			flush()
			pod, inContainers = value, false
		case name == "Containers" && value == "", name == "Init Containers" && value == "":
			flush()
			inContainers, containerIndent = true, -1
			return
		case indent == 0:
			flush()
			inContainers = false
		}
		if !inContainers {
			if d == nil && (name == "State" || name == "Last State") && indent >= 0 && pod == "" { // a fragment, pasted
				d = &describing{at: at, raw: string(line), indent: indent - 2}
				inContainers, containerIndent = true, indent-2
			} else {
				return
			}
		}
		if value == "" && (containerIndent < 0 || indent == containerIndent) && !isDescribeField(name) {
			flush()
			containerIndent = indent
			d = &describing{at: at, raw: string(line), indent: indent, c: Container{Name: name}}
			return
		}
		if d == nil {
			return
		}
		d.take(name, value, string(line), at)
	})
	flush()
	return err
}

func isDescribeField(name string) bool {
	switch name {
	case "State", "Last State", "Limits", "Requests", "Environment", "Mounts", "Args", "Command", "Port", "Ports", "Reason":
		return true
	}
	return false
}

func (d *describing) take(name, value, line string, at Pos) {
	switch name {
	case "Image":
		d.c.Image = value
	case "State", "Last State":
		d.state = name
		if name == "State" && d.c.Status == "" {
			d.c.Status = value
		}
		if name == "Last State" && value == "Terminated" {
			d.lastState = true
			d.at, d.raw = at, line
		}
	case "Limits", "Requests", "Environment", "Mounts", "Args", "Command", "Liveness", "Readiness", "Ready":
		d.state = name
	case "memory":
		if d.state == "Limits" {
			if n, ok := parseBytes(value); ok {
				d.c.LimitBytes = Some(n)
			}
			d.limitSeen = true
		}
	case "Restart Count":
		d.c.Restarts = numberAfter(" "+value, " ")
	case "Reason", "Exit Code", "Started", "Finished":
		if d.state != "Last State" && (d.state != "State" || d.lastState) {
			return
		}
		switch name {
		case "Reason":
			if d.state == "State" {
				d.c.Status = strings.TrimSpace(d.c.Status + " " + value)
			}
			if value == "OOMKilled" {
				d.c.OOMKilled = "true"
				d.at, d.raw = at, line
			} else if d.c.OOMKilled == "" && d.state == "Last State" {
				d.c.OOMKilled = "false"
			}
		case "Exit Code":
			d.c.ExitCode = numberAfter(" "+value, " ")
		case "Started":
			if s, ok := dateStamp(value); ok && s.offset.OK {
				d.c.Started = s.t
			}
		case "Finished":
			if s, ok := dateStamp(value); ok && s.offset.OK {
				d.c.Finished, d.finished = s.t, s
			}
		}
	}
}
