package main

import (
	"sync"

	"culprit/correlate"
)

// turns adds parts to clients in the order of their numbers, in whatever order they are done: what many workers did then
// shows no trace of them.
type turns[T any] struct {
	add func(all *correlate.Clients, part T)
	all *correlate.Clients

	mu    sync.Mutex
	moved sync.Cond
	next  int
	ready map[int]T
	busy  bool // somebody is adding
}

func newTurns[T any](add func(*correlate.Clients, T)) *turns[T] {
	t := &turns[T]{add: add, all: correlate.NewClients(), ready: map[int]T{}}
	t.moved.L = &t.mu
	return t
}

// wait returns when part n is less than ahead of the first that is not added.
func (t *turns[T]) wait(n, ahead int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n >= t.next+ahead {
		t.moved.Wait()
	}
}

// done takes part n, and adds what has its turn unless another goroutine is at it already.
func (t *turns[T]) done(n int, part T) {
	if !t.put(n, part) {
		return
	}
	for {
		part, ok := t.turn()
		if !ok {
			return
		}
		t.add(t.all, part)
		t.added()
	}
}

// put says whether it is the caller's to add.
func (t *turns[T]) put(n int, part T) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ready[n] = part
	was := t.busy
	t.busy = true
	return !was
}

// turn takes the part that is next; when it is not ready, whoever brings it adds it.
func (t *turns[T]) turn() (T, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	part, ok := t.ready[t.next]
	delete(t.ready, t.next)
	t.busy = ok
	return part, ok
}

func (t *turns[T]) added() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	t.moved.Broadcast()
}
