package main

import (
	"errors"
	"net/http"
)

// The exit codes.
const (
	exitDone   = 0
	exitNo     = 1
	exitUnable = 2
)

// failure is an error with a hint for the person who meets it, and the code to exit with.
type failure struct {
	code    int
	message string
	hint    string
}

// Error is the message with its hint on a line of its own.
func (f *failure) Error() string {
	if f.hint == "" {
		return f.message
	}
	return f.message + "\nhint: " + f.hint
}

func no(message, hint string) error     { return &failure{exitNo, message, hint} }
func unable(message, hint string) error { return &failure{exitUnable, message, hint} }

// codeOf is the code of a failure; what nobody classified could not run.
func codeOf(err error) int {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	return exitUnable
}

// exitOf maps the API's statuses: a definite no is 1, everything that leaves the question open is 2.
func exitOf(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusLocked, http.StatusUnprocessableEntity:
		return exitNo
	}
	return exitUnable
}
