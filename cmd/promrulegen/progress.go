package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress is a line on a terminal that says how far a long command is, and shows nothing anywhere else.
type progress struct {
	to    io.Writer // nil where nobody watches
	mutex sync.Mutex
	last  time.Time
}

func newProgress(to io.Writer) *progress {
	if file, ok := to.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &progress{to: to}
	}
	return &progress{}
}

const (
	progressWidth = 30
	progressEvery = 100 * time.Millisecond
)

// show gives a function that is told how much of something is done.
func (p *progress) show(noun string) func(done, total int) {
	return func(done, total int) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if p.to == nil || time.Since(p.last) < progressEvery {
			return
		}
		p.last = time.Now()
		full := progressWidth * done / total
		fmt.Fprintf(p.to, "\r[%s%s] %d of %d %s", strings.Repeat("#", full), strings.Repeat(".", progressWidth-full), done, total, noun)
	}
}

// clear takes the line away again.
func (p *progress) clear() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.to != nil && !p.last.IsZero() {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
