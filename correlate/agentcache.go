package correlate

import "bytes"

// agentCache remembers agents as logged: a site's visitors have some thousands. The zero table is empty.
type agentCache struct {
	seen table[uint32] // index of refs by the hash of an agent
	refs []*agentRef
}

const maxAgentSet = 1 << 14 // distinct agents remembered; then forgotten, to be looked at again

func (t *agentCache) of(agent []byte) *agentRef {
	hash := hashOf(agent)
	n, added := t.seen.at(hash >> 1)
	if !added {
		return t.refs[*n]
	}
	if len(t.refs) >= maxAgentSet {
		t.seen, t.refs = table[uint32]{}, nil
		n, _ = t.seen.at(hash >> 1)
	}
	*n = uint32(len(t.refs))
	ref := &agentRef{name: string(agent), hash: hash}
	ref.auto = !bytes.Equal(agent, unlogged) && Identify(ref.name).Class.Automated()
	if ref.as, ref.wide = ref.name, hash; !ref.auto {
		ref.as = wideName(ref.name)
		ref.wide = hashOf([]byte(ref.as))
	}
	t.refs = append(t.refs, ref)
	return ref
}
