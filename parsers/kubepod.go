package parsers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
)

// kube-manifest is a pod, deployment or stateful set as `kubectl get -o yaml` or -o json prints it, or as it was applied:
//
//	kind: Pod
//	spec:
//	  containers:
//	  - name: redis
//	    resources:
//	      limits:
//	        memory: 512Mi
//	status:
//	  containerStatuses:
//	  - name: redis
//	    restartCount: 5
//	    lastState:
//	      terminated: {...}
var _ = register(Parser{
	Name:  "kube-manifest",
	Doc:   "Kubernetes manifests and pod status, YAML or JSON -> container, setting of redis",
	Match: matchKubeManifest,
	Parse: parseKubeManifest,
})

func matchKubeManifest(h *Head) int {
	has := func(s string) bool { return bytes.Contains(h.Text, []byte(s)) }
	switch {
	case has("apiVersion:") && has("kind:") && (has("containers:") || has("containerStatuses:")):
		return SureMark
	case has(`"apiVersion"`) && has(`"kind"`) && (has(`"containers"`) || has(`"containerStatuses"`)):
		return SureMark
	}
	return 0
}

func parseKubeManifest(src *Source, emit func(Record)) error {
	text, err := io.ReadAll(io.LimitReader(src.R, maxJSON+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", src.Name, err)
	}
	src.Read = countLines(text)
	if len(text) > maxJSON {
		src.Skip(src.Read, nil, fmt.Sprintf("longer than %d bytes", maxJSON))
		text = text[:maxJSON]
	}
	k := kubeReader{containers: map[string]*kubeContainer{}}
	if body := bytes.TrimSpace(text); len(body) > 0 && body[0] == '{' {
		var doc any
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&doc); err != nil {
			x := indexLines(text)
			line := x.of(int(dec.InputOffset()))
			src.Skip(line, x.line(line), "json: "+err.Error())
		}
		k.json(nil, doc, 0)
	} else {
		eachYAML(src, text, func(n yamlNode) { k.take(n) })
	}
	k.emit(src, text, emit)
	return nil
}

// kubeReader gathers what the paths of a document say of each container; doc counts the documents of one file.
type kubeReader struct {
	containers map[string]*kubeContainer
	order      []string
}

type kubeContainer struct {
	c       Container
	limited bool
	spec    bool
	at      Pos
	raw     string
	command []string
	cmdAt   Pos
	cmdRaw  string
}

const maxContainers = 2_000 // the pods of a large namespace; what is beyond is not kept

// json turns a JSON document into the paths that YAML gives, without lines.
func (k *kubeReader) json(path []string, v any, depth int) {
	if depth > maxYAMLDepth {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			k.json(append(slices.Clip(path), clip(key, maxKey)), v[key], depth+1)
		}
	case []any:
		var scalars []string
		for i, item := range v {
			if s, ok := item.(string); ok {
				scalars = append(scalars, s)
			} else {
				k.json(append(slices.Clip(path), itoa(i)), item, depth+1)
			}
		}
		if scalars != nil {
			k.take(yamlNode{Path: path, Args: scalars})
		}
	case nil:
	default:
		k.take(yamlNode{Path: path, Args: []string{fmt.Sprint(v)}})
	}
}

// take files one scalar under its container: .../containers/0/... and .../containerStatuses/0/... are joined by name later.
func (k *kubeReader) take(n yamlNode) {
	for i, part := range n.Path {
		if (part == "containers" || part == "containerStatuses" || part == "initContainers") && i+2 < len(n.Path) {
			k.field(itoa(n.Doc)+"\x00"+strings.Join(n.Path[:i+2], "\x00"), n.Path[i+2:], n)
			return
		}
	}
}

func (k *kubeReader) field(id string, path []string, n yamlNode) {
	c := k.containers[id]
	if c == nil {
		if len(k.containers) >= maxContainers {
			return
		}
		c = &kubeContainer{at: n.At, raw: n.Raw, spec: !strings.Contains(id, "containerStatuses")}
		k.containers[id] = c
		k.order = append(k.order, id)
	}
	value := strings.Join(n.Args, " ")
	num := Opt{}
	if v, ok := parseBytes(value); ok {
		num = Some(v)
	}
	switch key := strings.Join(path, "."); key {
	case "name":
		c.c.Name = value
	case "image":
		c.c.Image = value
	case "resources.limits.memory":
		c.c.LimitBytes, c.limited = num, true
		c.at, c.raw = n.At, n.Raw
	case "restartCount":
		c.c.Restarts = num
	case "lastState.terminated.reason", "state.terminated.reason":
		if c.c.OOMKilled != "true" { // of two ends the one for memory
			c.c.OOMKilled = fmt.Sprint(value == "OOMKilled")
			c.at, c.raw = n.At, n.Raw
		}
	case "lastState.terminated.exitCode", "state.terminated.exitCode":
		c.c.ExitCode = num
	case "lastState.terminated.startedAt", "state.terminated.startedAt":
		c.c.Started = dockerTime(value)
	case "lastState.terminated.finishedAt", "state.terminated.finishedAt":
		c.c.Finished = dockerTime(value)
	case "state.waiting.reason":
		c.c.Status = value
	case "command", "args":
		c.command = append(c.command, n.Args...)
		c.cmdAt, c.cmdRaw = n.At, n.Raw
	}
}

// emit joins the status of a container with its spec where both are there, and gives one record each.
func (k *kubeReader) emit(src *Source, text []byte, emit func(Record)) {
	specs := map[string]*kubeContainer{}
	for _, id := range k.order {
		if c := k.containers[id]; c.spec && c.c.Name != "" {
			specs[kubeDoc(id)+c.c.Name] = c
		}
	}
	joined := map[*kubeContainer]bool{}
	x := indexLines(text)
	named := map[string]int{}
	line := func(c *kubeContainer) Pos {
		if c.at.Line == 0 { // JSON: the first line that names it
			if named[c.c.Name] == 0 {
				named[c.c.Name] = x.with(0, len(text), `"`+c.c.Name+`"`)
			}
			c.at = Pos{src.Name, named[c.c.Name]}
			c.raw = string(x.line(c.at.Line))
		}
		return c.at
	}
	for _, id := range k.order {
		c := k.containers[id]
		if spec := specs[kubeDoc(id)+c.c.Name]; !c.spec && spec != nil && !joined[spec] {
			joined[spec] = true
			c.c.LimitBytes, c.limited, c.spec = spec.c.LimitBytes, spec.limited, true
			if c.c.Image == "" {
				c.c.Image = spec.c.Image
			}
		}
	}
	for _, id := range k.order {
		c := k.containers[id]
		if !joined[c] && c.c.Name != "" {
			c.c.Unlimited = c.spec && !c.limited
			r := Record{At: line(c), Raw: []byte(c.raw), Fact: &c.c}
			if !c.c.Finished.IsZero() {
				r.Time, r.Clock = c.c.Finished, ZonedClock
			}
			emit(r)
		}
		if c.command != nil {
			at := c.cmdAt
			if at.Line == 0 {
				at = line(c)
			}
			emitRedisOptions(at, c.cmdRaw, []string{"container", c.c.Name}, c.command, emit)
		}
	}
}

// kubeDoc is the pod that a container's path belongs to: everything before spec or status.
func kubeDoc(id string) string {
	parts := strings.Split(id, "\x00")
	for i, p := range parts {
		if p == "spec" || p == "status" {
			return strings.Join(parts[:i], "\x00") + "\x00"
		}
	}
	return ""
}
