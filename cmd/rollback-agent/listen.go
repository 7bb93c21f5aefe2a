package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// listeners are the sockets we opened ourselves, so that a port chosen by the system is known; none with systemd's sockets.
type listeners []net.Listener

// listen opens what the flags name, and writes the addresses to a file when there is one to write.
func listen(flags *toolkit.FlagConfig, addressFile string) (listeners, error) {
	if *flags.WebSystemdSocket {
		return nil, nil
	}
	var all listeners
	for _, address := range *flags.WebListenAddresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			all.close()
			return nil, fmt.Errorf("listen: %w", err)
		}
		all = append(all, l)
	}
	if addressFile == "" {
		return all, nil
	}
	if err := writeAddresses(addressFile, all.addresses()); err != nil {
		all.close()
		return nil, err
	}
	return all, nil
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
	if l == nil {
		return toolkit.ListenAndServe(server, flags, logger)
	}
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
