package main

import (
	"context"
	"log/slog"

	"github.com/coclai/cutover/agent/web"
)

// logLimit is what one value of a log line may hold in characters; the ledger has the rest.
const logLimit = 4096

// plainLog keeps what comes from outside from doing anything to who reads the log: hidden characters are shown, long texts are cut. The format's
// own quoting, of line ends and control characters, comes after it; JSON's would leave marks that turn a line around (bidi) as they are.
type plainLog struct{ slog.Handler }

// Handle hands on the record with plain texts.
func (h plainLog) Handle(ctx context.Context, r slog.Record) error {
	shown := slog.NewRecord(r.Time, r.Level, plain(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		shown.AddAttrs(plainAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, shown)
}

// WithAttrs is the handler with attributes that every line gets.
func (h plainLog) WithAttrs(all []slog.Attr) slog.Handler {
	shown := make([]slog.Attr, len(all))
	for i, a := range all {
		shown[i] = plainAttr(a)
	}
	return plainLog{h.Handler.WithAttrs(shown)}
}

// WithGroup is the handler with a group for what comes.
func (h plainLog) WithGroup(name string) slog.Handler { return plainLog{h.Handler.WithGroup(name)} }

// plainAttr has texts plain, whatever type they come as; numbers, times and lists of our own stay what they are.
func plainAttr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindString {
		return slog.String(a.Key, plain(value.String()))
	}
	switch given := value.Any().(type) {
	case error:
		return slog.String(a.Key, plain(given.Error()))
	case []byte:
		return slog.String(a.Key, plain(string(given)))
	}
	return slog.Attr{Key: a.Key, Value: value}
}

func plain(text string) string {
	text = web.Plain(text)
	if runes := []rune(text); len(runes) > logLimit {
		return string(runes[:logLimit]) + "…"
	}
	return text
}
