package correlate

import "bytes"

// agentCache remembers agents as logged: a site's visitors have some thousands. The zero table is empty.
type agentCache struct {
	seen table[*agentRef] // by hash
}

const maxAgentSet = 1 << 14 // distinct agents remembered; then forgotten, to be looked at again

func (t *agentCache) of(agent []byte) *agentRef {
	hash := hashOf(agent)
	ref, added := t.seen.at(hash >> 1)
	if !added {
		return *ref
	}
	if t.seen.n > maxAgentSet {
		t.seen = table[*agentRef]{}
		ref, _ = t.seen.at(hash >> 1)
	}
	*ref = newAgentRef(agent, hash)
	return *ref
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
