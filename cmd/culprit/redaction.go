package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"culprit/cmd/internal/redact"
)

// redaction are the flags that take the names out of what is printed.
type redaction struct {
	wanted bool
	key    string
	redact *redact.Redactor // nil = nothing is redacted
}

func (r *redaction) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&r.wanted, "redact", false, "replace addresses, hosts, users, paths and ids by others, the same ones everywhere")
	f.StringVar(&r.key, "redact-key", "", redactKeyFlag)
}

const redactKeyFlag = "`KEY`: a file with the secret that the replacements are made from, or the secret itself; two reports made with one agree (default: a new one)"

// maxRedactKey: a key file is a line, and a log given by mistake is none.
const maxRedactKey = 64 << 10

// open makes the redactor that the flags ask for.
func (r *redaction) open() error {
	if !r.wanted && r.key == "" {
		return nil
	}
	key := []byte(r.key)
	switch info, err := os.Stat(r.key); {
	case r.key == "":
		key = make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return fmt.Errorf("--redact: no random key: %w", err)
		}
		r.redact = redact.New(key)
		return nil
	case err == nil && info.Mode().IsRegular():
		if info.Size() > maxRedactKey {
			return fmt.Errorf("--redact-key %s: a file of %d bytes is no key", r.key, info.Size())
		}
		if key, err = os.ReadFile(r.key); err != nil {
			return fmt.Errorf("--redact-key: %w", err)
		}
	case err == nil:
		return fmt.Errorf("--redact-key %s: is no file", r.key)
	}
	if key = bytes.TrimSpace(key); len(key) < 8 { // who may try a guess every microsecond must have more to guess
		return errors.New("--redact-key: at least 8 characters, or nobody needs the key to undo it")
	}
	r.redact = redact.New(key)
	return nil
}

// redactedZones are the zones of --tz under the names that the files now have.
func redactedZones(r *redact.Redactor, zones map[string]*time.Location) map[string]*time.Location {
	out := map[string]*time.Location{}
	for file, zone := range zones {
		out[r.Text(file)] = zone
	}
	return out
}
