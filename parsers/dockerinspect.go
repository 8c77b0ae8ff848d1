package parsers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// docker-inspect is the JSON of `docker inspect` (or podman's), or the answer to a --format that names the state's fields:
//
//	[{"Name": "/redis", "State": {"Status": "exited", "OOMKilled": true, "ExitCode": 137}, "RestartCount": 4, "HostConfig": {"Memory": 1073741824}}]
//	OOMKilled=false   ExitCode=0   RestartCount=297
var _ = register(Parser{
	Name:  "docker-inspect",
	Doc:   "docker inspect, as JSON or by a format -> container, setting of redis",
	Match: matchDockerInspect,
	Parse: parseDockerInspect,
})

// maxJSON bounds a document that is decoded whole: docker inspect gives some 10 kB a container.
const maxJSON = 16 << 20

func matchDockerInspect(h *Head) int {
	body := bytes.TrimSpace(h.Text)
	switch {
	case len(body) == 0:
	case (body[0] == '[' || body[0] == '{') && bytes.Contains(h.Text, []byte(`"HostConfig"`)) && bytes.Contains(h.Text, []byte(`"State"`)),
		(body[0] == '[' || body[0] == '{') && bytes.Contains(h.Text, []byte(`"OOMKilled"`)) && !bytes.Contains(h.Text, []byte(`"apiVersion"`)):
		return SureMark
	case inspectFields(body, 5) > 0:
		return SureShape + 10
	}
	return 0
}

func inspectFields(body []byte, lines int) int {
	n := 0
	for _, line := range NewHead("", body).Lines(lines) {
		if c := inspectLine(string(line)); c != nil {
			n++
		}
	}
	return n
}

func parseDockerInspect(src *Source, emit func(Record)) error {
	text, err := io.ReadAll(io.LimitReader(src.R, maxJSON+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", src.Name, err)
	}
	if isUTF16(text) {
		text, _ = io.ReadAll(io.LimitReader(newUTF16Reader(bytes.NewReader(text)), maxJSON+1))
	}
	src.Read = countLines(text)
	if len(text) > maxJSON {
		src.Skip(src.Read, nil, fmt.Sprintf("longer than %d bytes", maxJSON))
		text = text[:maxJSON]
	}
	start := bytes.IndexAny(text, "[{")
	if start < 0 || inspectFields(text, 5) > 0 && !wholeContainerRE.Match(text) {
		eachTextLine(src, text, func(line string, at Pos) {
			if c := inspectLine(line); c != nil {
				emit(Record{At: at, Raw: []byte(line), Fact: c})
			}
		})
		return nil
	}
	x := indexLines(text)
	dec := json.NewDecoder(bytes.NewReader(text[start:]))
	if text[start] == '[' {
		_, _ = dec.Token()
	}
	for dec.More() {
		from := start + int(dec.InputOffset())
		var d dockerContainer
		if err := dec.Decode(&d); err != nil {
			line := x.of(start + int(dec.InputOffset()))
			src.Skip(line, x.line(line), "docker inspect: "+err.Error())
			return nil
		}
		to := start + int(dec.InputOffset())
		line := x.with(from, to, `"OOMKilled"`)
		emit(Record{At: Pos{src.Name, line}, Raw: x.line(line), Fact: d.fact()})
		if words := append(d.Config.Entrypoint, d.Config.Cmd...); len(words) > 0 {
			line := x.with(from, to, `"Cmd"`)
			at := Pos{src.Name, line}
			emitRedisOptions(at, string(x.line(line)), []string{"container", strings.TrimPrefix(d.Name, "/")}, words, emit)
		}
	}
	return nil
}

// wholeContainerRE tells the JSON of a container, on however few lines, from that of its state alone ({{json .State}}).
var wholeContainerRE = regexp.MustCompile(`"State"\s*:\s*\{`)

type dockerContainer struct {
	Name  string
	Image string
	State struct {
		Status                string
		OOMKilled             *bool
		ExitCode, Pid         *int64
		StartedAt, FinishedAt string
	}
	RestartCount *int64
	Config       struct {
		Image           string
		Cmd, Entrypoint words
	}
	HostConfig struct {
		Memory       *int64
		CgroupParent string
	}
}

// words takes a list of strings, one string, or null.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*w = list
		return nil
	}
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = strings.Fields(one)
	}
	return nil
}

func (d *dockerContainer) fact() *Container {
	c := &Container{
		Name: strings.TrimPrefix(d.Name, "/"), Image: d.Config.Image, Status: d.State.Status,
		ExitCode: optOf(d.State.ExitCode), Restarts: optOf(d.RestartCount), PID: optOf(d.State.Pid), Cgroup: d.HostConfig.CgroupParent,
		Started: dockerTime(d.State.StartedAt), Finished: dockerTime(d.State.FinishedAt),
	}
	if c.Image == "" {
		c.Image = d.Image
	}
	if c.PID.N == 0 { // not running
		c.PID = Opt{}
	}
	if m := d.HostConfig.Memory; m != nil {
		if c.Unlimited = *m <= 0; !c.Unlimited {
			c.LimitBytes = Some(*m)
		}
	}
	if o := d.State.OOMKilled; o != nil {
		c.OOMKilled = fmt.Sprint(*o)
	}
	return c
}

// dockerTime is zero for "0001-01-01T00:00:00Z", which docker prints for never.
func dockerTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 2000 {
		return time.Time{}
	}
	return t.UTC()
}

func optOf(n *int64) Opt {
	if n == nil {
		return Opt{}
	}
	return Some(*n)
}

// inspectLine reads the fields of a --format answer, in whatever notation: "OOMKilled=false ExitCode=0", "OOMKilled: true",
// {"OOMKilled":true,"ExitCode":137}.
func inspectLine(line string) *Container {
	line = strings.NewReplacer("\": ", "=", "\":", "=", "\"", "", "{", " ", "}", " ", ",", " ", ": ", "=", " = ", "=").Replace(line)
	c, known := &Container{}, 0
	for _, word := range strings.Fields(line) {
		name, value, ok := strings.Cut(word, "=")
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[i+1:]
		}
		if !ok {
			continue
		}
		n, isNumber := parseBytes(value)
		switch {
		case name == "OOMKilled" && (value == "true" || value == "false"):
			c.OOMKilled = value
			known++
		case name == "ExitCode" && isNumber:
			c.ExitCode = Some(n)
			known++
		case name == "RestartCount" && isNumber:
			c.Restarts = Some(n)
			known++
		case name == "Memory" && isNumber && known > 0:
			if c.Unlimited = n == 0; n > 0 {
				c.LimitBytes = Some(n)
			}
		case name == "Name":
			c.Name = strings.TrimPrefix(value, "/")
		case name == "Status" || name == "State":
			c.Status = value
		}
	}
	if known == 0 || known == 1 && c.OOMKilled == "" {
		return nil
	}
	return c
}

func countLines(text []byte) int {
	n := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}
