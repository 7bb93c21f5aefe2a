package ledger

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
)

const lockSuffix = ".lock"

// lock is the file beside the ledger that one process at a time holds. It also bears witness of the last entry that was on disk: without
// it, a -wal file deleted while the agent was down, or the whole ledger, would be gone without a trace.
type lock struct {
	file *os.File
}

// witness is what the lock file says. It is written after the entry is durable and never synced: after a power cut it may be behind
// the ledger, never ahead of it.
type witness struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// witnessSize is fixed, so that one write replaces the whole record.
const witnessSize = 128

func takeLock(path string) (*lock, error) {
	f, err := os.OpenFile(path+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &Refusal{Kind: NoAccess, Path: path, Message: "its lock file cannot be opened", Cause: err,
			Hint: "the folder must exist, and the agent's user must be able to write to it"}
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, &Refusal{Kind: InUse, Path: path, Message: "another process has it open",
			Hint: "one agent at a time: end the other one, or give this one a ledger of its own"}
	}
	if err != nil {
		_ = f.Close()
		return nil, &Refusal{Kind: Settings, Path: path, Message: "its folder does not support locks", Cause: err,
			Hint: "put the ledger on a local file system"}
	}
	return &lock{f}, nil
}

// look reads a lock file without waiting for it: the last entry known, and whether an agent holds it.
func look(path string) (seen witness, held bool) {
	f, err := os.Open(path + lockSuffix)
	if err != nil {
		return witness{}, false
	}
	defer f.Close() // and with it the lock
	held = errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
	return (&lock{f}).seen(), held
}

// seen is the last entry known, the zero witness if none is. What cannot be read says nothing: a power cut may leave zeros.
func (l *lock) seen() witness {
	record := make([]byte, witnessSize)
	n, _ := l.file.ReadAt(record, 0) // shorter or unreadable: no witness
	var w witness
	if json.Unmarshal(record[:n], &w) != nil {
		return witness{}
	}
	return w
}

// note bears witness of an entry. A failure is not reported: the entry is durable, only this check is weaker.
func (l *lock) note(h head) {
	text := fmt.Sprintf(`{"seq":%d,"hash":"%s"}`, h.seq, hex.EncodeToString(h.hash))
	_, _ = l.file.WriteAt(fmt.Appendf(nil, "%-*s\n", witnessSize-1, text), 0)
}

// release lets the next process in. The file stays: it is the witness.
func (l *lock) release() error { return l.file.Close() }
