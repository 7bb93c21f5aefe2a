package gitrepo

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// Whatever a remote sends, reading it ends, without a panic, within the limits,
// and with nothing in it that could harm a terminal or a page.

func FuzzPktLine(f *testing.F) {
	for _, seed := range []string{"0000", "0001", "0003", "0004", "0005a", "000bERR no!", "0008\x01abc0008\x02hey0006\x01d0000", "000d\x03\x1b[1mfatal", "fff0", "zzzz", "-001", "+fff", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		for read := 0; ; {
			kind, b, err := readFrame(r)
			if read += 4 + len(b); err == nil && (read > len(in) || kind != frameData && len(b) > 0) {
				t.Fatalf("frame %d of %d bytes from %d", kind, len(b), len(in))
			}
			if err != nil {
				checkText(t, err.Error())
				break
			}
		}
		var said prefix
		b, err := io.ReadAll(&sideband{r: bytes.NewReader(in), progress: &said})
		if len(b) > len(in) || len(said) > 4*maxText {
			t.Fatalf("%d bytes and %d of text from %d", len(b), len(said), len(in))
		}
		if err != nil {
			checkText(t, err.Error())
		}
	})
}

// checkText refuses control characters; a quoted one is none.
func checkText(t *testing.T, s string) {
	t.Helper()
	if i := strings.IndexFunc(s, func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f || c == '\u202e' }); i >= 0 {
		t.Fatalf("control character in %q", s)
	}
}

func FuzzPack(f *testing.F) {
	commit := newObject(plumbing.CommitObject, []byte("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nm\n"))
	whole, err := writePack(commit, newObject(plumbing.BlobObject, []byte("text")), newObject(plumbing.TagObject, []byte("object x")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff\x9f\x9c"))
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x75" + strings.Repeat("x", 60)))
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x02\xe5\x81\x80\x80\x80\x80\x80\x01x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, all := range []bool{false, true} {
			kept := 0
			err := readPack(bytes.NewReader(in), packLimit{kept: 4096, all: all}, func(o packed) bool {
				kept += len(o.raw)
				if o.id != newObject(o.kind, o.raw).id || !all && o.kind != plumbing.CommitObject && o.kind != plumbing.TagObject {
					t.Fatalf("object %s of kind %s", o.id, o.kind)
				}
				_, _ = parseCommit(o)
				return true
			})
			if kept > 4096 {
				t.Fatalf("kept %d bytes, at most 4096 were asked for (%v)", kept, err)
			}
		}
	})
}

func FuzzPackRoundTrip(f *testing.F) {
	f.Add([]byte("text"), []byte(""))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		want := []packed{newObject(plumbing.BlobObject, a), newObject(plumbing.TagObject, b)}
		pack, err := writePack(want...)
		if err != nil {
			t.Fatal(err)
		}
		var got []packed
		if err := readPack(bytes.NewReader(pack), packLimit{kept: maxObjects, all: true}, func(o packed) bool {
			got = append(got, o)
			return true
		}); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	})
}

func FuzzReport(f *testing.F) {
	band := func(channel byte, s string) string { return fmt.Sprintf("%04x%c%s", len(s)+5, channel, s) }
	report := "000eunpack ok\n0019ok refs/heads/main\n0000"
	for _, seed := range []string{
		band(1, report) + "0000",
		band(2, "remote: \x1b[31mno\x1b[0m\r\n") + band(1, "000eunpack ok\n0027ng refs/heads/main hook declined\n0000") + "0000",
		band(1, report[:9]) + band(2, "between") + band(1, report[9:]) + band(2, "after") + "0000",
		band(3, "fatal: out of memory") + "0000",
		band(1, "0019unpack disk full\x07\n0000") + "0000",
		"0000", "", report,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		rep, err := readReport(bytes.NewReader(in))
		if err != nil {
			return
		}
		text := rep.String()
		checkText(t, text)
		if len(text) > maxText || len(rep.refs) > len(in) {
			t.Fatalf("%d bytes of text, %d statuses", len(text), len(rep.refs))
		}
		for _, s := range rep.refs {
			if s.status != "ok" && !isContention(s.status) && !rep.refused() {
				t.Fatalf("%q passes for success", s.status)
			}
		}
	})
}

func FuzzRefs(f *testing.F) {
	id := strings.Repeat("a", 40)
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	for _, seed := range []string{
		line(id+" refs/heads/main\n") + line(id+" refs/tags/v1 peeled:"+id+"\n") + "0000",
		line("# service=git-upload-pack\n") + "0000" + line(id+" refs/heads/main\x00side-band-64k ofs-delta filter shallow\n") + line(id+" refs/tags/v1\n") + line(id+" refs/tags/v1^{}\n") + "0000",
		line("version 2\n") + line("ls-refs=unborn\n") + line("fetch=shallow filter\n") + line("object-format=sha1\n") + "0000",
		line("version 1\n") + line(strings.Repeat("0", 40)+" capabilities^{}\x00x\n") + "0000",
		line("version 2\n") + line("object-format=sha256\n") + "0000",
		"0000", "00000000", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		names := []string{"refs/heads/main", "refs/tags/v1"}
		for name, read := range map[string]func() (map[string]ref, error){
			"v2": func() (map[string]ref, error) { return readRefs(bytes.NewReader(in)) },
			"v0": func() (map[string]ref, error) { return readRefsV0(bytes.NewReader(in), names) },
		} {
			all, err := read()
			if err != nil {
				checkText(t, err.Error())
				continue
			}
			for n, r := range all {
				if r.commit().Validate() != nil || name == "v2" && r.id.Validate() != nil {
					t.Fatalf("%s: %s is at %+v", name, n, r)
				}
			}
		}
		if _, err := readCapabilities(bytes.NewReader(in)); err != nil {
			checkText(t, err.Error())
		}
	})
}
