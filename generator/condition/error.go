package condition

// Error says what could not be read, and where in the text: Offset and Width count characters.
type Error struct {
	Offset, Width int
	Message       string
	Hint          string // what to write instead
}

// Error is the message alone: the caller knows the text and the place.
func (e *Error) Error() string { return e.Message }

// hinted is e with a hint: nobody is left with what is wrong and nothing to write instead.
func (e *Error) hinted() *Error {
	if e.Hint == "" {
		e.Hint = usage
	}
	return e
}
