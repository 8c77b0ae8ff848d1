package correlate

import "bytes"

// agentCache remembers agents as logged: a site's visitors have some thousands. The zero cache is empty.
type agentCache struct {
	seen intern
	refs []*agentRef // by number
}

const maxAgentSet = 1 << 14 // distinct agents remembered; then forgotten, to be looked at again

func (t *agentCache) of(agent []byte) *agentRef {
	id := t.seen.id(agent)
	if int(id) < len(t.refs) {
		return t.refs[id]
	}
	if id >= maxAgentSet {
		*t = agentCache{}
		t.seen.id(agent)
	}
	ref := newAgentRef(agent, hashOf(agent))
	t.refs = append(t.refs, ref)
	return ref
}

func newAgentRef(agent []byte, hash uint64) *agentRef {
	ref := &agentRef{name: string(agent), hash: hash}
	ref.auto = !bytes.Equal(agent, unlogged) && Identify(ref.name).Class.Automated()
	if ref.as, ref.wide = ref.name, hash; !ref.auto {
		ref.as = wideName(ref.name)
		ref.wide = hashOf([]byte(ref.as))
	}
	return ref
}
