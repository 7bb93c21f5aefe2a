package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/netutil"
)

// listeners are the sockets we opened ourselves, so that a port chosen by the system is known, or those that systemd has handed over.
type listeners []net.Listener

// listen opens what the flags name, and writes the addresses to a file when there is one to write.
func listen(flags *toolkit.FlagConfig, addressFile string) (listeners, error) {
	all, err := open(flags)
	if err == nil && addressFile != "" {
		err = writeAddresses(addressFile, all.addresses())
	}
	if err != nil {
		all.close()
		return nil, err
	}
	most := connections() / max(1, len(all))
	for n, l := range all {
		all[n] = netutil.LimitListener(l, most)
	}
	return all, nil
}

func open(flags *toolkit.FlagConfig) (all listeners, err error) {
	if *flags.WebSystemdSocket {
		if all, err = activation.Listeners(); err == nil && len(all) == 0 {
			err = errors.New("systemd has handed no socket over")
		}
		return all, err
	}
	for _, address := range *flags.WebListenAddresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return all, fmt.Errorf("listen: %w", err)
		}
		all = append(all, l)
	}
	return all, nil
}

const (
	connectionsMost  = 10_000
	connectionsLeast = 64
)

// connections is how many clients are served at once, on all sockets: of the files that the process may open, half are left to the ledger, git
// and whom else the agent must reach. Who comes after them waits in the system's queue, until one of them ends or has been too slow.
func connections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return connectionsLeast
	}
	return int(min(connectionsMost, max(connectionsLeast, files.Cur/2)))
}

// exposed are the addresses that others than this machine can reach.
func (l listeners) exposed() []string {
	var all []string
	for _, one := range l {
		if tcp, ok := one.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			all = append(all, tcp.String())
		}
	}
	return all
}

// writeAddresses renames a finished file into place: whoever waits for it never reads half of it.
func writeAddresses(file string, addresses []string) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, []byte(strings.Join(addresses, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	if err := os.Rename(temporary, file); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	return nil
}

func (l listeners) serve(server *http.Server, flags *toolkit.FlagConfig, logger *slog.Logger) error {
	return toolkit.ServeMultiple(l, server, flags, logger)
}

func (l listeners) addresses() []string {
	var addresses []string
	for _, one := range l {
		addresses = append(addresses, one.Addr().String())
	}
	return addresses
}

func (l listeners) close() {
	for _, one := range l {
		one.Close()
	}
}
