// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// MaxLine is how many bytes of a line a Writer passes on. The rest of a longer line
	// is left out: a secret that begins before the limit may go on behind it.
	MaxLine = 1 << 20
	// MaxHeld bounds the text that a Writer holds, together with one line and one write.
	MaxHeld = 2 << 20
	// portion is how much text is redacted at a time.
	portion = 256 << 10
	// reach is how far a secret may reach over the end of a line, but for PEM blocks.
	reach = 2 << 10
	// maxTries bounds the search for a line between two portions.
	maxTries = 64
)

// Writer redacts a stream of any length in bounded memory. It passes whole lines on, and
// none before it knows enough of what follows: what [Secrets] finds in a text it finds in
// the stream of the same text, however the stream is cut into writes.
//
// It is not safe for concurrent use.
type Writer struct {
	to   io.Writer
	hide func(string) string
	held []byte // whole lines, and the beginning of the next one
	line int    // where this one begins in held
	// due is how long the whole lines have to be for the next try to pass some of them on.
	due, portion int
	// omitted is how many bytes of it were left out.
	omitted int64
	// inBlock is set within a PEM block that is too long to hold.
	inBlock bool
	closed  bool
}

// NewWriter returns a writer that passes to another one what it is given after hide was
// applied to it. Close passes on what is held; it does not close the other writer.
func NewWriter(to io.Writer, hide func(string) string) *Writer {
	return &Writer{to: to, hide: hide, due: portion, portion: portion}
}

// Write implements [io.Writer]. An error is that of the writer behind.
func (w *Writer) Write(text []byte) (int, error) {
	if w.closed {
		return 0, errors.New("write after close")
	}
	done := 0
	for done < len(text) {
		end := bytes.IndexByte(text[done:], '\n')
		whole := end >= 0
		if !whole {
			end = len(text) - done
		}
		w.add(text[done : done+end])
		done += end
		if !whole {
			break
		}
		w.endLine()
		done++
		if w.line >= w.due {
			if err := w.pass(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// add appends to the line that has not ended yet.
func (w *Writer) add(part []byte) {
	room := max(MaxLine-(len(w.held)-w.line), 0)
	if w.omitted > 0 {
		room = 0
	}
	if len(part) > room {
		w.omitted += int64(len(part) - room)
		part = part[:room]
	}
	w.held = append(w.held, part...)
}

// endLine ends it.
func (w *Writer) endLine() {
	if w.omitted > 0 {
		// The last word may be the first half of a secret that only its end shows to be one.
		line := w.held[w.line:]
		word := bytes.LastIndexAny(line, " \t") + 1
		w.omitted += int64(len(line) - word)
		w.held = fmt.Appendf(w.held[:w.line+word], "[%d bytes of a line of more than %d are left out]", w.omitted, MaxLine)
		w.omitted = 0
	}
	w.held = append(w.held, '\n')
	w.line = len(w.held)
	if w.inBlock {
		w.skipBlock()
	}
}

// Close passes on what is held. Closing again does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if len(w.held) > w.line {
		unended := w.omitted == 0
		w.endLine()
		if unended && len(w.held) > 0 {
			w.held = w.held[:len(w.held)-1]
		}
	}
	return w.emit(len(w.held))
}

// pass passes on as many lines as can be redacted without those that follow.
func (w *Writer) pass() error {
	cut := w.cut()
	if cut == 0 && w.line < MaxHeld {
		w.due = w.line + w.portion // more is needed
		return nil
	}
	w.due = w.portion
	if cut == 0 {
		cut = w.line
		w.inBlock = openBlock(w.held[:cut]) >= 0
	}
	return w.emit(cut)
}

func (w *Writer) emit(length int) error {
	if length == 0 {
		return nil
	}
	_, err := io.WriteString(w.to, w.hide(string(w.held[:length])))
	w.held = append(w.held[:0], w.held[length:]...)
	w.line -= min(length, w.line)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// cut returns the end of a line that no secret spans, or 0.
func (w *Writer) cut() int {
	text := w.held[:w.line]
	if begin := openBlock(text); begin >= 0 {
		text = text[:begin]
	}
	// What follows must be long enough to show a secret that spans the end of the line.
	end := len(text)
	if end == w.line {
		end -= reach
	}
	for range maxTries {
		end = bytes.LastIndexByte(text[:max(end, 0)], '\n') + 1
		if end == 0 {
			return 0
		}
		if w.separates(end) {
			return end
		}
		end--
	}
	return 0
}

// separates reports whether the text around a place is redacted the same way in one piece
// and in two.
func (w *Writer) separates(at int) bool {
	// Whole lines, so that both sides are read as they are in the whole text.
	first := bytes.LastIndexByte(w.held[:max(at-reach, 0)], '\n') + 1
	last := w.line
	if at+reach < w.line {
		last = at + reach + bytes.IndexByte(w.held[at+reach:w.line], '\n') + 1
	}
	before, after := string(w.held[first:at]), string(w.held[at:last])
	return w.hide(before)+w.hide(after) == w.hide(before+after)
}

var blockBegin, blockEnd = []byte("-----BEGIN "), []byte("-----END ")

// openBlock returns where the line with the beginning of a PEM block begins that does not
// end in a text; negative for none.
func openBlock(text []byte) int {
	begin := bytes.LastIndex(text, blockBegin)
	if begin < 0 || bytes.Contains(text[begin:], blockEnd) {
		return -1
	}
	// What is no block is not waited for: a line of prose ends it.
	rest := text[begin:]
	if newline := bytes.IndexByte(rest, '\n'); newline >= 0 {
		for line := range bytes.Lines(rest[newline+1:]) {
			if !inBlock(line) {
				return -1
			}
		}
	}
	return bytes.LastIndexByte(text[:begin], '\n') + 1
}

// inBlock reports whether a line may be one of the inside of a PEM block.
func inBlock(line []byte) bool {
	return len(bytes.Trim(line, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/= \t\r\n")) == 0 &&
		!strings.Contains(strings.TrimSpace(string(line)), " ")
}

// skipBlock drops the last line if it belongs to the block that was too long to hold.
func (w *Writer) skipBlock() {
	begin := bytes.LastIndexByte(w.held[:len(w.held)-1], '\n') + 1
	if line := w.held[begin:]; inBlock(line) || bytes.Contains(line, blockEnd) {
		w.inBlock = !bytes.Contains(line, blockEnd)
		w.held = w.held[:begin]
		w.line = begin
		return
	}
	w.inBlock = false
}
