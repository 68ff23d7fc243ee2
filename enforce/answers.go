package enforce

// answers keeps introspection answers, the latest used first. Its owner locks
// it. The zero value is empty.
type answers struct {
	entries map[answerID]*kept
	root    kept // of the circle: next is the latest used, prev the one to drop
}

type kept struct {
	id         answerID
	answer     *answer
	next, prev *kept
}

func (a *answers) get(id answerID) *answer {
	k := a.entries[id]
	if k == nil {
		return nil
	}
	k.unlink()
	a.link(k)
	return k.answer
}

func (a *answers) put(id answerID, ans *answer, size int) {
	if a.entries == nil {
		a.entries = map[answerID]*kept{}
		a.root.next, a.root.prev = &a.root, &a.root
	}
	k := a.entries[id]
	if k == nil {
		if len(a.entries) >= size {
			a.drop(a.root.prev.id)
		}
		k = &kept{id: id}
		a.entries[id] = k
	} else {
		k.unlink()
	}
	k.answer = ans
	a.link(k)
}

func (a *answers) drop(id answerID) {
	if k := a.entries[id]; k != nil {
		k.unlink()
		delete(a.entries, id)
	}
}

func (a *answers) link(k *kept) {
	k.prev, k.next = &a.root, a.root.next
	k.prev.next, k.next.prev = k, k
}

func (k *kept) unlink() { k.prev.next, k.next.prev = k.next, k.prev }
