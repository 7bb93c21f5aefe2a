package gitrepo

import (
	"bytes"
	"testing"
)

// What was read as a tree or as a lock is written back to the same bytes: nothing in them was overlooked.
func FuzzTreesAndLocksAreReadWhole(f *testing.F) {
	id := ID("44d6628cdc69877568a1510f9f703e7c99ad2d12")
	f.Add(writeTree([]treeEntry{{"100644", "app.txt", id}, {modeTree, "conf", id}, {modeLink, "link", id}, {modeSubmodule, "module", id}}).raw)
	f.Add([]byte("100644 a\x00"))
	f.Add([]byte("version 1\nenvironment production\nbranch main\nincident inc-7\nby A <a@b>\nallow none\nsince 2023-11-14T22:21:40Z\n"))
	f.Add([]byte("version 1\nenvironment p\nbranch main\nincident i\nby A\nallow " + string(id) + "\nsince 2023-11-14T22:21:40Z\n" + sshArmor + "\nAAAA\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if entries, err := parseTree(raw); err == nil {
			if again := writeTree(entries).raw; !bytes.Equal(again, raw) {
				t.Errorf("tree %q is written as %q", raw, again)
			}
		}
		if l, err := parseLock(raw); err == nil && !bytes.Equal(l.text(), raw) {
			t.Errorf("lock %q is written as %q", raw, l.text())
		}
	})
}

// A tag's signature is over all that is before it, and a tag that is read names the one object that its first line does.
func FuzzTagsAreReadAsGitReadsThem(f *testing.F) {
	head := "object 44d6628cdc69877568a1510f9f703e7c99ad2d12\ntype commit\ntag v1\ntagger A <a@b> 1700000000 +0000\n\n"
	f.Add([]byte(head + "words\n"))
	f.Add([]byte(head + "words\n" + sshArmor + "\nAAAA\n-----END SSH SIGNATURE-----\n"))
	f.Add([]byte(head + pgpArmor + "\n" + pgpArmor + "\n"))
	f.Add([]byte("object 44d6628cdc69877568a1510f9f703e7c99ad2d12\ntype commit\ntag v1\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tag, err := parseTag(raw)
		if err != nil {
			return
		}
		if whole := string(tag.message) + tag.signature; whole != string(raw) {
			t.Errorf("%q was cut into %q and %q", raw, tag.message, tag.signature)
		}
		if !bytes.HasPrefix(raw, []byte("object "+tag.target+"\ntype "+ID(tag.kind)+"\ntag "+ID(tag.name)+"\n")) {
			t.Errorf("%q names %+v", raw, tag)
		}
	})
}
