package gitrepo

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
)

func packOf(t *testing.T, objects ...packed) []byte {
	t.Helper()
	b, err := writePack(objects...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPackRoundTrip(t *testing.T) {
	want := []packed{newObject(plumbing.CommitObject, []byte("not really a commit")), newObject(plumbing.BlobObject, []byte("text"))}
	var got []packed
	err := readPack(bytes.NewReader(packOf(t, want...)), packLimit{kept: 1000, all: true}, func(o packed) bool {
		got = append(got, o)
		return true
	})
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(packed{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestReadPackRefuses(t *testing.T) {
	good := packOf(t, newObject(plumbing.CommitObject, []byte("a commit")))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	for name, c := range map[string]struct {
		pack []byte
		want Kind
	}{
		"nothing":             {nil, ""},
		"a page":              {[]byte("<html>please log in</html>"), ""},
		"half":                {good[:len(good)/2], ""},
		"a wrong checksum":    {flipped, ""},
		"a bomb":              {packOf(t, newObject(plumbing.CommitObject, make([]byte, maxObject+1))), ErrTooLarge},
		"more than the limit": {packOf(t, newObject(plumbing.CommitObject, make([]byte, 101))), ErrTooLarge},
		"a delta on nothing":  {[]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x75" + strings.Repeat("x", 60)), ""},
	} {
		err := readPack(bytes.NewReader(c.pack), packLimit{kept: 100}, func(packed) bool { return true })
		if err == nil || KindOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestReadPackStopsWhenToldAndSkipsTrees(t *testing.T) {
	whole := packOf(t, newObject(plumbing.TreeObject, make([]byte, 500)), newObject(plumbing.CommitObject, []byte("a")), newObject(plumbing.CommitObject, []byte("b")))
	var seen int
	err := readPack(bytes.NewReader(whole[:len(whole)-25]), packLimit{kept: 10}, func(packed) bool { seen++; return false })
	if seen != 1 || err != nil {
		t.Errorf("saw %d, %v", seen, err)
	}
}

func TestDeltaResult(t *testing.T) {
	for delta, want := range map[string]int64{"\x05\x07rest": 7, "\x05\x80\x01": 128, "": -1, "\x05": -1, "\x05\xff\xff\xff\xff\x0f": -1} {
		if got := deltaResult([]byte(delta)); got != want {
			t.Errorf("%q: %d, want %d", delta, got, want)
		}
	}
}

func TestSideband(t *testing.T) {
	for in, want := range map[string]struct {
		data, said string
		kind       Kind
	}{
		"0008\x01abc0008\x02hey0006\x01d0000":    {"abcd", "hey", ""},
		"0008\x01abc000d\x03\x1b[1mfatal0000":    {"abc", "", ErrRefused},
		"000bERR no!":                            {"", "", ErrRefused},
		"0006\x09x":                              {"", "", ErrNotGit},
		"zzzz":                                   {"", "", ErrNotGit},
		"00040006\x01x0000 what comes after 000": {"x", "", ""},
	} {
		var said prefix
		data, err := io.ReadAll(&sideband{r: strings.NewReader(in), progress: &said})
		if string(data) != want.data || string(said) != want.said || KindOf(err) != want.kind || strings.Contains(errText(err), "\x1b") {
			t.Errorf("%q: %q, %q, %v; want %+v", in, data, said, err, want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain\nlines":                       "plain\nlines",
		"\x1b[31;1mred\x1b[0m \x1b]0;t\x07.": "red .",
		"a\x00b\rc\u202ed\u2028e\xff":        "abcde?",
		strings.Repeat("é", 2000):            strings.Repeat("é", 1000),
	} {
		if got := printable(in); got != want {
			t.Errorf("%.40q: got %.60q, want %.60q", in, got, want)
		}
	}
}

func TestReportVerdict(t *testing.T) {
	for status, refused := range map[string]bool{
		"ok":                         false,
		"failed to update ref":       false,
		"atomic transaction failed":  false,
		"fetch first":                false,
		"hook declined":              true,
		"pre-receive hook declined":  true,
		"protected branch":           true,
		"non-fast-forward":           false,
		"something nobody has heard": true,
	} {
		r := report{unpack: "ok", refs: []refStatus{{"refs/heads/main", status}}}
		if r.refused() != refused || (r.refusal() == nil) != (status == "ok") {
			t.Errorf("%s: refused %t, %v", status, r.refused(), r.refusal())
		}
	}
	if !(report{unpack: "index-pack abnormal exit"}).refused() {
		t.Error("a pack that cannot be unpacked")
	}
}

func TestAnswerIsBounded(t *testing.T) {
	a := &answer{body: io.NopCloser(strings.NewReader("123456789")), left: 5, cancel: func() {}}
	b, err := io.ReadAll(a)
	if string(b) != "12345" || !errors.Is(err, ErrTooLarge) || !errors.Is(a.blame(errors.New("hidden"), ErrBadPack), ErrTooLarge) {
		t.Errorf("%q, %v", b, err)
	}
}
