//go:build !chaos

package agent

// crashpoint does nothing, except in builds with the tag chaos, where a test can end the process here.
func crashpoint(string) {}

// planted is false, except in builds with the tag chaos, where a test can have a fault built in.
func planted(string) bool { return false }
