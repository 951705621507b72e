// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// small is the portion of the tests: what matters are its ends.
const small = 8 << 10

func newSmallWriter(to io.Writer, hide func(string) string) *Writer {
	w := NewWriter(to, hide)
	w.due, w.portion = small, small
	return w
}

// stream writes a text in pieces of random length.
func stream(t *testing.T, text string, hide func(string) string, longest int, random *rand.Rand) string {
	t.Helper()
	var out bytes.Buffer
	w := newSmallWriter(&out, hide)
	for rest := text; rest != ""; {
		n := min(1+random.IntN(longest), len(rest))
		if _, err := io.WriteString(w, rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// secretLines are texts of one or more lines with a secret, and where none is.
func secretLines() []string {
	pem := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA7bq0YQ3Jt3f7zvTnS0lX2vZ1mQ9c8dK4pWfHhGjRr5uTyLxA\n", 20) + "-----END RSA PRIVATE KEY-----\n"
	return []string{
		"26/11/29 18:00:00 INFO SparkContext: Running Spark version 4.3.0\n",
		"spark.hadoop.fs.s3a.secret.key=Zm9vYmFyc2VjcmV0dmFsdWU\n",
		"Authorization: Basic " + strings.Repeat("Zm9v", 40) + "\n",
		"  - name: DB_PASSWORD\n    value: hunter2-hunter2\n",
		"<name>fs.s3a.secret.key</name>\n      <value>topsecretvalue</value>\n",
		"jdbc:postgresql://etl:sup3rs3cret@db:5432/x\n",
		"key AKIAIOSFODNN7EXAMPLE is used\n",
		"not text: \x00\xff\xfe\x80 \x1b[31mred\x1b[0m\r\n",
		"\n",
		pem,
		strings.Repeat("a long line without a secret ", 300) + "\n",
	}
}

// TestStreamIsRedactedLikeTheText: where a stream is cut makes no difference, also where a
// secret reaches over the end of a portion.
func TestStreamIsRedactedLikeTheText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	lines := secretLines()
	for round := range 4 {
		var text strings.Builder
		for text.Len() < 6*small {
			text.WriteString(lines[random.IntN(len(lines))])
		}
		if round%2 == 0 {
			text.WriteString("the last line, token=abcdef, has no end")
		}
		if got := stream(t, text.String(), Secrets, 1<<(6+3*round), random); got != Secrets(text.String()) {
			t.Fatalf("round %d: the stream differs from the text", round)
		}
	}
}

// TestSecretsAtEveryBorder moves two-line secrets over the place where a portion is cut, which
// is reach before its end.
func TestSecretsAtEveryBorder(t *testing.T) {
	filler := strings.Repeat("0123456 filler of 64 bytes, which stays the same everywhere ....\n", 2*small/65)
	for _, secret := range secretLines()[1:10] {
		for offset := small - reach - len(secret) - 80; offset < small-reach+80; offset += max(7, len(secret)/24) {
			before := filler[:offset]
			text := before + "\n" + secret + filler[:4<<10]
			var out bytes.Buffer
			w := newSmallWriter(&out, Secrets)
			for at := 0; at < len(text); at += 4096 {
				if _, err := io.WriteString(w, text[at:min(at+4096, len(text))]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if out.String() != Secrets(text) {
				t.Fatalf("secret %.40q at %d", secret, offset)
			}
		}
	}
}

// TestStreamTakesBoundedMemory: neither long lines, nor blocks without end, nor a stream
// without line breaks make a Writer hold more, and no part of a secret gets through.
func TestStreamTakesBoundedMemory(t *testing.T) {
	key := strings.Repeat("MIIEpAIBAAKCAQEA7bq0YQ3Jt3f7zvTnS0lX2vZ1mQ9c8dK4pWfHhGjRr5uTyLxA\n", 1000)
	for name, test := range map[string]struct {
		start, part, end string
		want             string
	}{
		"one line":             {"", strings.Repeat("word ", 20_000), "\n", "bytes of a line of more than 1048576 are left out]\n"},
		"one word":             {"", strings.Repeat("x", 100_000), "\n", "bytes of a line of more than 1048576 are left out]\n"},
		"no end":               {"", strings.Repeat("x", 100_000), "", "bytes of a line of more than 1048576 are left out]\n"},
		"secret without end":   {"password=", strings.Repeat("MIIEpAIB", 10_000), "\n", "left out]\n"},
		"block":                {"before\n-----BEGIN PRIVATE KEY-----\n", key, "-----END PRIVATE KEY-----\nafter\n", "after\n"},
		"block without an end": {"-----BEGIN PRIVATE KEY-----\n", key, "that was it\n", "that was it\n"},
		"lines":                {"", "a line\n", "", "a line\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewWriter(&out, Secrets)
			write := func(text string) {
				if _, err := io.WriteString(w, text); err != nil {
					t.Fatal(err)
				}
				if held := len(w.held); held > MaxHeld+MaxLine {
					t.Fatalf("holds %d bytes", held)
				}
			}
			write(test.start)
			for range 40 {
				write(test.part)
			}
			write(test.end)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(out.String(), test.want) || strings.Contains(out.String(), "MIIEpAIB") {
				t.Errorf("ends with %q; secret shown: %t", out.String()[max(0, out.Len()-120):], strings.Contains(out.String(), "MIIEpAIB"))
			}
		})
	}
}

// TestWriterReportsErrors of the writer behind it, and takes nothing after Close.
func TestWriterReportsErrors(t *testing.T) {
	full := errors.New("no space left on device")
	w := NewWriter(failing{full}, Secrets)
	_, err := io.WriteString(w, strings.Repeat("a line\n", portion))
	if !errors.Is(err, full) {
		t.Errorf("write: %v", err)
	}
	w = NewWriter(failing{full}, Secrets)
	fmt.Fprint(w, "a line")
	if err := w.Close(); !errors.Is(err, full) {
		t.Errorf("close: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a closed writer took text")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func BenchmarkWriter(b *testing.B) {
	text := []byte(strings.Repeat("26/11/29 18:00:00 INFO TaskSetManager: Finished task 3.0 in stage 1.0 (TID 7) in 12 ms on 10.0.0.7 (executor 1) (1/8)\n", 10_000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w := NewWriter(io.Discard, Secrets)
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzWriter: a stream is redacted like the text, however it is cut. A secret reaches over the
// end of its line by no more than reach, so the text has no longer run of blanks.
func FuzzWriter(f *testing.F) {
	for _, line := range append(secretLines(), "password: |\n  two\n  lines\n", "{\"secret\":\n\"value\"}\n", "-----BEGIN CERTIFICATE-----\n", "\\n-----END KEY-----", "token=\r\n\r\nabc\n") {
		f.Add(line, "a line\n", uint16(100))
	}
	f.Fuzz(func(t *testing.T, first, second string, size uint16) {
		if len(first)+len(second) > 512 {
			return
		}
		var text strings.Builder
		for range 3 {
			text.WriteString(first)
			text.WriteString(strings.Repeat("INFO the same everywhere, and no secret\n", 30+int(size)%30))
			text.WriteString(second)
		}
		var out bytes.Buffer
		w := newSmallWriter(&out, Secrets)
		w.due, w.portion = reach+(1<<10), reach+(1<<10)
		for rest := text.String(); rest != ""; rest = rest[min(len(rest), 1<<10):] {
			if _, err := io.WriteString(w, rest[:min(len(rest), 1<<10)]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if want := Secrets(text.String()); out.String() != want {
			t.Errorf("the stream of %q, %q, %d differs from the text:\n%q\n%q", first, second, size, &out, want)
		}
	})
}
