package main

import (
	"fmt"
	"net"
)

// address is host:port on loopback.
type address string

func (a address) url() string { return "http://" + string(a) }

// ports are free ones, for programs that cannot say which one they took.
type ports struct{ agent, prometheus, alertmanager address }

// freePorts holds all of them at once before it lets go, so that they differ.
func freePorts() (ports, error) {
	var found [3]address
	for i := range found {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports{}, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		found[i] = address(l.Addr().String())
	}
	return ports{agent: found[0], prometheus: found[1], alertmanager: found[2]}, nil
}
