// Package checks has what both Go clients share: the command line, the records that are sent, and their
// comparison.
package checks

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// Header is a record's header; its value may be null.
type Header struct {
	Name  string
	Value []byte
}

// Record is a record on its way to or from the server.
type Record struct {
	Partition   int32
	Offset      int64
	Key, Value  []byte
	TimestampMs int64
	Headers     []Header
}

// ByKey as a partition leaves the choice to the client's own partitioner.
const ByKey int32 = -1

// Options is the command line: BOOTSTRAP SCENARIO [ARGUMENT…] with options before, between or behind them.
type Options struct {
	Bootstrap, Scenario       string
	Rest                      []string
	Mechanism, User, Password string
	TLS                       *tls.Config
	Newest                    bool
}

// CommandLine reads the command line and sets the clock after which the program gives up.
func CommandLine() *Options {
	options := &Options{}
	set := flag.NewFlagSet(os.Args[0], flag.ExitOnError)
	set.StringVar(&options.Mechanism, "sasl", "", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	set.StringVar(&options.User, "user", "", "")
	set.StringVar(&options.Password, "password", "", "")
	set.BoolVar(&options.Newest, "newest", false,
		"sarama: the newest protocol it knows, not the one it takes by itself")
	seconds := set.Float64("deadline", 300, "seconds after which the program gives up")
	ca := set.String("ca", "", "the certificate that signed the server's; its presence means TLS")
	words, plain := os.Args[1:], []string{}
	for len(words) > 0 {
		Must(set.Parse(words))
		if words = set.Args(); len(words) > 0 {
			plain, words = append(plain, words[0]), words[1:]
		}
	}
	True(len(plain) >= 2, "usage: PROGRAM BOOTSTRAP SCENARIO [ARGUMENT…]")
	options.Bootstrap, options.Scenario, options.Rest = plain[0], plain[1], plain[2:]
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		Must(err)
		roots := x509.NewCertPool()
		True(roots.AppendCertsFromPEM(pem), "the certificate can be read")
		options.TLS = &tls.Config{RootCAs: roots}
	}
	time.AfterFunc(time.Duration(*seconds*float64(time.Second)), func() {
		fmt.Printf("FAILED: not done after %g s\n", *seconds)
		os.Exit(1)
	})
	return options
}

// Must ends the scenario if a call failed.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// True ends the scenario if something isn't so.
func True(condition bool, what string) {
	if !condition {
		panic(what)
	}
}

// Equal ends the scenario if two things aren't the same.
func Equal[T comparable](actual, wanted T, what string) {
	if actual != wanted {
		panic(fmt.Sprintf("%s: %v instead of %v", what, actual, wanted))
	}
}

// Until waits for what the server or another consumer brings about.
func Until(what string, condition func() bool) {
	for deadline := time.Now().Add(60 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		True(time.Now().Before(deadline), "not within 60 s: "+what)
	}
}

// Unique is a name that nothing has yet.
func Unique(name string) string {
	random := make([]byte, 6)
	_, err := rand.Read(random)
	Must(err)
	return name + "-" + hex.EncodeToString(random)
}

// RecordsFor makes records in which everything occurs that a client may send: null keys, null values,
// empty ones,
// values that compress well, headers with repeated names and with null values, explicit timestamps.
func RecordsFor(codec string) []Record {
	firstMs := time.Now().UnixMilli() - 3_600_000
	records := []Record{}
	for number := range 200 {
		value := fmt.Appendf(nil, "%s %d %s", codec, number, strings.Repeat("Park Street ", 20))
		record := Record{Partition: int32(number % 4), Value: value, TimestampMs: firstMs + int64(number)}
		if number%5 != 0 {
			record.Key = fmt.Appendf(nil, "key %d", number%10)
		}
		if number == 7 {
			record.Value = nil
		} else if number == 8 {
			record.Value = []byte{}
		}
		if number%2 == 1 {
			record.Headers = []Header{{"codec", []byte(codec)}, {"again", []byte("1")}, {"again", []byte("2")},
				{"empty", []byte{}}, {"null", nil}}
		}
		records = append(records, record)
	}
	return records
}

// SameRecords compares one partition's records with those sent to it: in that order, with offsets that
// have no gap.
func SameRecords(received, sent []Record, partition int32) {
	wanted := []Record{}
	for _, record := range sent {
		if record.Partition == partition {
			record.Offset = int64(len(wanted))
			wanted = append(wanted, record)
		}
	}
	Equal(len(received), len(wanted), fmt.Sprintf("records in partition %d", partition))
	for position := range wanted {
		Equal(Shown(received[position]), Shown(wanted[position]), "record")
	}
}

// Text is bytes as they are shown: text as a string, other bytes as an object with their base64.
func text(data []byte) any {
	switch {
	case data == nil:
		return nil
	case utf8.Valid(data):
		return string(data)
	default:
		return map[string]string{"base64": base64.StdEncoding.EncodeToString(data)}
	}
}

// Shown is a record as a line of JSON.
func Shown(record Record) string {
	headers := [][]any{}
	for _, header := range record.Headers {
		headers = append(headers, []any{header.Name, text(header.Value)})
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	Must(encoder.Encode(map[string]any{"partition": record.Partition, "offset": record.Offset,
		"key":   text(record.Key),
		"value": text(record.Value), "timestamp": record.TimestampMs, "headers": headers}))
	return strings.TrimSpace(line.String())
}
