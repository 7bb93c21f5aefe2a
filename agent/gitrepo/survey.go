package gitrepo

import (
	"context"
	"fmt"
)

// Survey is what a decision to roll back rests on.
type Survey struct {
	Tip    Commit // the branch's
	Target error  // nil: the pinned tag is as pinned; else as from CheckPin
}

// Survey reads the branch's tip and checks the pin, as [Remote.Tip] and
// [Remote.CheckPin] do, in two requests; in one if nothing has changed since both
// were last read. The error is why the tip could not be read, ErrNoRef included,
// or why neither could.
func (r *Remote) Survey(ctx context.Context, p Pin) (Survey, error) {
	s, err := r.survey(ctx, p)
	if err != nil {
		return Survey{}, fmt.Errorf("survey %s and %s: %w", r.branch, p.Ref, err)
	}
	return s, nil
}

func (r *Remote) survey(ctx context.Context, p Pin) (Survey, error) {
	if err := p.Validate(); err != nil {
		return Survey{}, err
	}
	refs, err := r.listRefs(ctx, r.branch, p.Ref)
	if err != nil {
		return Survey{}, err
	}
	tip, ok := refs[r.branch]
	if !ok {
		return Survey{}, ErrNoRef
	}
	r.recall.sawTip(tip.id)
	if err := r.fetchSurveyed(ctx, tip.id, refs[p.Ref], p.Object); err != nil {
		return Survey{}, err
	}
	var s Survey
	if s.Tip, err = r.Commit(ctx, tip.id); err != nil {
		return Survey{}, err
	}
	now, err := r.tagAmong(ctx, refs, p.Ref[len(tagPrefix):], p.Object)
	s.Target = p.holds(now, err)
	return s, nil
}

// fetchSurveyed brings the tip, and the tag if it is still the pinned object, into
// memory by one request; what it does not bring is fetched, or told, one by one.
func (r *Remote) fetchSurveyed(ctx context.Context, tip ID, tag ref, pinned ID) error {
	f := fetch{want: []ID{tip}, shallow: true, all: true, limit: maxObjects}
	need := []ID{tip}
	if tag.id == pinned {
		f.want, need = append(f.want, tag.id), append(need, tag.id, tag.commit())
	}
	_, err := r.fetchObjects(ctx, f, need...)
	return err
}
