package backtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/tsdb"
)

// OpenDirectory opens a TSDB directory, that of a running Prometheus too. Prometheus's own reader makes its working copies beside the data
// and links to them; this one reads a shadow of the directory, made elsewhere of symbolic links, and copies the part of the head that
// it must be able to change. Not a file of the directory is created or changed.
func OpenDirectory(path string) (*Past, error) {
	shadow, err := os.MkdirTemp("", "promrulegen-backtest-")
	if err != nil {
		return nil, fmt.Errorf("make a working folder: %w", err)
	}
	p := &Past{Name: path, close: func() error { return os.RemoveAll(shadow) }}
	if err := p.open(path, shadow); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Past) open(path, shadow string) error {
	found, err := cast(path, filepath.Join(shadow, "data"))
	if err != nil {
		return &Refusal{path, "is it the folder of a TSDB, whole, and can this user read it?", err}
	}
	if !found {
		return &Refusal{path, "give the folder that --storage.tsdb.path of Prometheus names", errors.New("there is no block and no write-ahead log in it")}
	}
	db, err := tsdb.OpenDBReadOnly(filepath.Join(shadow, "data"), shadow, nil)
	if err != nil {
		return p.corrupt(err)
	}
	p.close = func() error { return errors.Join(db.Close(), os.RemoveAll(shadow)) }
	if err := p.extent(db, path); err != nil { // before the querier: asking for the blocks waits for who reads them
		return err
	}
	if p.below, err = db.Querier(math.MinInt64, math.MaxInt64); err != nil {
		return p.corrupt(err)
	}
	p.close = func() error { return errors.Join(p.below.Close(), db.Close(), os.RemoveAll(shadow)) }
	return nil
}

func (p *Past) corrupt(err error) error {
	return &Refusal{p.Name, "it is damaged; `promtool tsdb list` names its blocks: leave the damaged one out of a copy, and backtest that", err}
}

// extent says what the blocks cover. The head goes on after them, as far as its log does.
func (p *Past) extent(db *tsdb.DBReadOnly, path string) error {
	blocks, err := db.Blocks()
	if err != nil {
		return p.corrupt(err)
	}
	for _, b := range blocks {
		meta := b.Meta()
		if from := at(meta.MinTime); p.Covers.From.IsZero() || from.Before(p.Covers.From) {
			p.Covers.From = from
		}
		if to := at(meta.MaxTime); to.After(p.Covers.To) {
			p.Covers.To = to
		}
	}
	if _, err := os.Stat(filepath.Join(path, "wal")); err == nil {
		p.Covers.To = time.Time{} // the log goes on after the last block
	}
	return nil
}

// ulidLength is that of a block's name; a damaged block is one too, so that it is found to be damaged.
const ulidLength = 26

// cast makes the shadow of a TSDB directory, and says whether there was anything to cast one.
func cast(path, shadow string) (found bool, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return false, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return false, err
	}
	if err := os.Mkdir(shadow, 0o700); err != nil {
		return false, err
	}
	for _, e := range entries {
		from, to := filepath.Join(path, e.Name()), filepath.Join(shadow, e.Name())
		switch {
		case e.Name() == "chunks_head":
			err = copyFiles(from, to)
		case e.Name() == "wal" || e.Name() == "wbl":
			found, err = true, os.Symlink(from, to)
		case e.IsDir() && len(e.Name()) == ulidLength:
			found, err = true, linkBlock(from, to)
		}
		if err != nil {
			return false, err
		}
	}
	return found, withLog(shadow)
}

// withLog gives a shadow an empty log where the directory has none, as a snapshot, and blocks made by promtool or fetched from a bucket:
// Prometheus's reader takes one without for damaged.
func withLog(shadow string) error {
	if err := os.Mkdir(filepath.Join(shadow, "wal"), 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// linkBlock makes the shadow of a block. Prometheus's reader leaves out, without a word, a block whose description it cannot read: a hole
// in the past that nobody would see.
func linkBlock(from, to string) error {
	content, err := os.ReadFile(filepath.Join(from, "meta.json"))
	if err != nil {
		return err
	}
	var meta tsdb.BlockMeta
	if err := json.Unmarshal(content, &meta); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(from, "meta.json"), err)
	}
	return linkFiles(from, to)
}

// linkFiles makes a folder whose entries are links to those of another: a block that is itself a link is not taken for one.
func linkFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a running Prometheus has cut it meanwhile
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	_, err = io.Copy(target, source)
	return err
}
