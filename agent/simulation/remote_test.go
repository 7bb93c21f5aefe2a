package simulation

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	branch  = "refs/heads/production"
	lockRef = "refs/rollback-agent/lock/checkout/production"
)

// remote is a git server in memory that speaks version 2 of the protocol over http. What it accepts is seen by watch.
type remote struct {
	mu      sync.Mutex
	objects map[string]object
	refs    map[string]string
	log     []move // every ref change, the oldest first
	refuse  bool   // a hook says no to the deploy branch
	before  func() // called once, before the next push is looked at
	soon    bool   // or before any request is
	race    func() // becomes before when a commit has been prepared
	watch   func(move)
}

// move is one change of a ref.
type move struct {
	at       time.Time
	who      string // agent, human
	ref      string
	old, new string
}

func newRemote() *remote { return &remote{objects: map[string]object{}, refs: map[string]string{}} }

func (g *remote) put(o object) string {
	id := o.id()
	g.objects[id] = o
	return id
}

// commit makes a commit that holds one file, and returns its id.
func (g *remote) commit(content, text string, when time.Time, parents ...string) string {
	blob := g.put(object{"blob", []byte(content)})
	raw := make([]byte, 20)
	_, _ = fmt.Sscanf(blob, "%x", &raw)
	tree := g.put(object{"tree", append([]byte("100644 service.txt\x00"), raw...)})
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", tree)
	for _, p := range parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	who := fmt.Sprintf("Dev <dev@example.org> %d +0000", when.Unix())
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s\n", who, who, text)
	return g.put(object{"commit", []byte(b.String())})
}

// content is the one file of a commit.
func (g *remote) content(commit string) string {
	tree := g.objects[g.objects[commit].header("tree")].raw
	if len(tree) < 20 {
		return ""
	}
	return string(g.objects[fmt.Sprintf("%x", tree[len(tree)-20:])].raw)
}

// set moves a ref as a person may; "" deletes it.
func (g *remote) set(ref, id string) { g.move("human", ref, id) }

func (g *remote) move(who, ref, id string) {
	m := move{time.Now(), who, ref, g.refs[ref], id}
	g.refs[ref] = id
	if id == "" {
		delete(g.refs, ref)
	}
	g.log = append(g.log, m)
	if g.watch != nil {
		g.watch(m)
	}
}

// reachable are a commit and all behind it, but not what is behind the others.
func (g *remote) reachable(from string, without ...string) []string {
	seen := map[string]bool{}
	for _, id := range without {
		if _, known := g.objects[id]; known {
			for _, behind := range g.reachable(id) {
				seen[behind] = true
			}
		}
	}
	var all []string
	for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
		id := todo[0]
		if seen[id] || g.objects[id].kind != "commit" {
			continue
		}
		seen[id] = true
		all = append(all, id)
		todo = append(todo, g.objects[id].headers("parent")...)
	}
	return all
}

func (g *remote) isAncestor(a, b string) bool { return slices.Contains(g.reachable(b), a) }

func (g *remote) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.soon {
		g.interrupt()
	}
	body, _ := io.ReadAll(r.Body)
	var out bytes.Buffer
	service := r.URL.Query().Get("service")
	kind := "advertisement"
	switch {
	case service != "":
		g.advertise(&out, service)
	case strings.HasSuffix(r.URL.Path, "git-upload-pack"):
		service, kind = "git-upload-pack", "result"
		asked, _ := lines(body)
		if asked[0] == "command=ls-refs" {
			g.lsRefs(&out, asked)
		} else {
			g.fetch(&out, asked)
		}
	default:
		service, kind = "git-receive-pack", "result"
		g.receive(&out, body)
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-"+kind)
	_, _ = w.Write(out.Bytes())
}

// interrupt lets somebody be faster.
func (g *remote) interrupt() {
	f := g.before
	g.before, g.soon = nil, false
	if f != nil {
		f()
	}
}

// prepared tells that the agent has made a commit, and not pushed it yet.
func (g *remote) prepared() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.race != nil {
		g.before, g.soon, g.race = g.race, true, nil
	}
}

func (g *remote) advertise(out *bytes.Buffer, service string) {
	out.WriteString(packet("# service="+service+"\n") + flush)
	if service == "git-upload-pack" {
		for _, text := range []string{"version 2", "agent=git/2", "ls-refs=unborn", "fetch=shallow filter", "object-format=sha1"} {
			out.WriteString(packet(text + "\n"))
		}
	} else {
		out.WriteString(packet(g.refs[branch] + " " + branch + "\x00report-status delete-refs side-band-64k atomic object-format=sha1\n"))
	}
	out.WriteString(flush)
}

func (g *remote) lsRefs(out *bytes.Buffer, asked []string) {
	for ref, id := range g.refs {
		if !slices.ContainsFunc(asked, func(a string) bool {
			prefix, ok := strings.CutPrefix(a, "ref-prefix ")
			return ok && strings.HasPrefix(ref, prefix)
		}) {
			continue
		}
		text := id + " " + ref
		if o := g.objects[id]; o.kind == "tag" {
			text += " peeled:" + o.header("object")
		}
		out.WriteString(packet(text + "\n"))
	}
	out.WriteString(flush)
}

func (g *remote) fetch(out *bytes.Buffer, asked []string) {
	var wants, haves []string
	for _, line := range asked {
		if id, ok := strings.CutPrefix(line, "want "); ok {
			wants = append(wants, id)
		}
		if id, ok := strings.CutPrefix(line, "have "); ok {
			haves = append(haves, id)
		}
	}
	var found []object
	sent := map[string]bool{}
	for _, id := range wants {
		o, known := g.objects[id]
		if !known {
			out.WriteString(packet("ERR upload-pack: not our ref " + id))
			return
		}
		all := []string{id}
		switch {
		case o.kind == "tag":
			all = append(all, o.header("object"))
		case o.kind == "commit" && !slices.Contains(asked, "deepen 1"):
			all = g.reachable(id, haves...)
		}
		for _, one := range all {
			if !sent[one] {
				sent[one], found = true, append(found, g.objects[one])
			}
		}
	}
	out.WriteString(packet("packfile\n"))
	banded(out, writePack(found))
	out.WriteString(flush)
}

// receive takes a push: all of its commands, or none.
func (g *remote) receive(out *bytes.Buffer, body []byte) {
	g.interrupt()
	commands, pack := lines(body)
	report := "unpack ok\n"
	objects, err := readPack(pack)
	if err != nil && len(pack) > 0 {
		report = "unpack " + err.Error() + "\n"
	}
	for _, o := range objects {
		g.put(o)
	}
	var wanted [][]string
	for _, c := range commands {
		c, _, _ = strings.Cut(c, "\x00")
		wanted = append(wanted, strings.Fields(c))
	}
	status, ok := map[string]string{}, true
	for _, c := range wanted {
		status[c[2]] = g.verdict(c)
		ok = ok && status[c[2]] == "ok"
	}
	var b bytes.Buffer
	b.WriteString(packet(report))
	for _, c := range wanted {
		switch text := status[c[2]]; {
		case text == "ok" && !ok:
			b.WriteString(packet("ng " + c[2] + " atomic transaction failed\n"))
		case text == "ok":
			g.move("agent", c[2], present(c[1]))
			b.WriteString(packet("ok " + c[2] + "\n"))
		default:
			b.WriteString(packet("ng " + c[2] + " " + text + "\n"))
		}
	}
	b.WriteString(flush)
	banded(out, b.Bytes())
	out.WriteString(flush)
}

func (g *remote) verdict(c []string) string {
	switch {
	case c[2] == branch && g.refuse:
		return "pre-receive hook declined"
	case c[2] == branch && g.refs[lockRef] != "" && !strings.Contains(string(g.objects[g.refs[lockRef]].raw), "allow "+c[1]):
		return "pre-receive hook declined"
	case g.refs[c[2]] != present(c[0]):
		return "failed to update ref"
	}
	return "ok"
}

// present is an id, "" for the protocol's absence.
func present(id string) string {
	if strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}
