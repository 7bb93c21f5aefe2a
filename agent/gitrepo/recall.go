package gitrepo

import (
	"sync"
	"time"
)

// Objects remembered, and the largest of them: a commit's id is the hash of its
// content, so what was read once need not be read again.
const (
	maxRecalled    = 64
	maxRecallBytes = 16 << 10
)

// lookIsFresh is for how long a branch that was read is taken to be there still.
// Being wrong costs one push that the remote refuses, since it compares and swaps.
const lookIsFresh = 10 * time.Second

// recall is what a Remote knows from earlier answers.
type recall struct {
	mu      sync.Mutex
	objects map[ID]packed
	order   []ID // oldest first
	tip     ID   // of the branch, as read last; "" once used
	read    time.Time
}

// recalled is every object of ids, or false when one is not remembered.
func (k *recall) recalled(ids []ID) (map[ID]packed, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := map[ID]packed{}
	for _, id := range ids {
		o, ok := k.objects[id]
		if !ok {
			return nil, false
		}
		found[id] = o
	}
	return found, true
}

// remember keeps objects in place of the oldest.
func (k *recall) remember(objects map[ID]packed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.objects == nil {
		k.objects = map[ID]packed{}
	}
	for id, o := range objects {
		if _, known := k.objects[id]; known || len(o.raw) > maxRecallBytes {
			continue
		}
		k.objects[id] = o
		k.order = append(k.order, id)
	}
	for len(k.order) > maxRecalled {
		delete(k.objects, k.order[0])
		k.order = k.order[1:]
	}
}

// sawTip notes where the branch is.
func (k *recall) sawTip(id ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tip, k.read = id, time.Now()
}

// isFresh reports whether the branch was seen at id just now. It says so once: a
// repeated push looks for itself.
func (k *recall) isFresh(id ID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh := k.tip == id && time.Since(k.read) < lookIsFresh
	k.tip = ""
	return fresh
}
