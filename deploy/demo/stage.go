package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// stage is everything that runs, in one temporary folder and on loopback.
type stage struct {
	ctx    context.Context // of the whole story; ends with Ctrl-C, or when a program ends by itself
	cancel context.CancelCauseFunc

	root, folder string
	programs     programs
	ports        ports
	shop         *shop
	remote       *gitServer
	settings     settings
	pace         pace

	running []*process     // in the order they were started
	servers []*http.Server // our own: git, shop, pager
}

// setUp looks for what is needed and makes the folder; nothing runs yet.
func setUp(ctx context.Context, line *timeline, p pace) (*story, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	found, err := findAll(root)
	if err != nil {
		return nil, err
	}
	free, err := freePorts()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "cutover-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{root: root, folder: folder, programs: found, ports: free, pace: p}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	return &story{stage: s, line: line, observer: observer{prometheus: free.prometheus, alertmanager: free.alertmanager}}, nil
}

// tearDown stops everything, the last started first. The folder goes too, unless the story failed by itself: then it stays, for its logs.
func (s *story) tearDown(failed error, interrupted bool) (exit int) {
	s.cancel(errors.New("the story is over"))
	for n := len(s.running) - 1; n >= 0; n-- {
		s.running[n].stop()
	}
	for _, server := range s.servers {
		_ = server.Close()
	}
	if failed == nil {
		return s.remove(0)
	}
	if interrupted {
		s.line.chapter("Interrupted; everything is stopped and removed.")
		return s.remove(1)
	}
	s.line.chapter("This did not happen: " + failed.Error())
	for _, p := range s.running {
		s.line.chapter("The end of " + p.log + ":\n" + p.tail(15))
	}
	s.line.chapter("Everything was stopped; its files are in " + s.folder)
	return 1
}

func (s *stage) remove(exit int) int {
	if err := os.RemoveAll(s.folder); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return exit
}

// serve listens on a free port of loopback.
func (s *stage) serve(handler http.Handler) (address, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: grace}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(l) }() // ends with Close in tearDown
	return address(l.Addr().String()), nil
}

// run starts a program that the story cannot do without.
func (s *stage) run(name string, argv ...string) error {
	p, err := start(s.folder, s.cancel, name, argv...)
	if err == nil {
		s.running = append(s.running, p)
	}
	return err
}

// fill makes the secrets and writes the configuration of everything.
func (s *stage) fill(shop, pager address) error {
	s.settings = settings{Folder: s.folder, AgentURL: s.ports.agent.url(), AgentAddress: string(s.ports.agent),
		PrometheusURL: s.ports.prometheus.url(), AlertmanagerURL: s.ports.alertmanager.url(), AlertmanagerAddress: string(s.ports.alertmanager),
		ShopAddress: string(shop), PagerURL: pager.url(), GitURL: s.remote.url(""),
		AlertmanagerToken: rand.Text(), CIToken: rand.Text(), Person: rand.Text(), Approver: rand.Text(), GitLogin: "agent:" + s.remote.users["agent"],
		Moments: s.pace.moments()}
	return writeFiles(s.settings)
}

func (s *stage) path(name string) string { return filepath.Join(s.folder, name) }
