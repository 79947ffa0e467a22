package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// split separates the lines before the first empty one from the checkpoint behind it.
func split(file string) (lines []string, note string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	head, note, found := strings.Cut(string(text), "\n\n")
	if !found {
		return nil, "", refused("no empty line")
	}
	return strings.Split(head, "\n"), note, nil
}

func hashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, refused("%v", err)
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// checkProof checks a file as C2SP tlog-proof has it, whose extra data is the record.
func checkProof(file string, key string) error {
	lines, note, err := split(file)
	if err != nil {
		return err
	}
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return refused("no tlog-proof with extra data")
	}
	extra, found := cutPrefix(lines[1], "extra ")
	if !found {
		return refused("no extra data")
	}
	record, err := base64.StdEncoding.DecodeString(extra)
	if err != nil {
		return refused("the extra data: %v", err)
	}
	text, found := cutPrefix(lines[2], "index ")
	index, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil {
		return refused("the index is `%s`", lines[2])
	}
	proof, err := hashes(lines[3:])
	if err != nil {
		return err
	}
	signed, err := openCheckpoint(note, key)
	if err != nil {
		return err
	}
	tree := signed.tree
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record)); err != nil {
		return refused("%v", err)
	}
	fmt.Printf("%s: record %d of %d\n", signed.origin, index, tree.N)
	return nil
}

// checkConsistency checks a file as C2SP tlog-witness has it sent to a witness.
func checkConsistency(file string, oldFile string, key string) error {
	lines, note, err := split(file)
	if err != nil {
		return err
	}
	old, err := readCheckpoint(oldFile, key)
	if err != nil {
		return err
	}
	if lines[0] != fmt.Sprintf("old %d", old.tree.N) {
		return refused("`%s`, and the older checkpoint has %d records", lines[0], old.tree.N)
	}
	proof, err := hashes(lines[1:])
	if err != nil {
		return err
	}
	grown, err := openCheckpoint(note, key)
	if err != nil {
		return err
	}
	if grown.origin != old.origin {
		return refused("two logs, %s and %s", old.origin, grown.origin)
	}
	if err := tlog.CheckTree(proof, grown.tree.N, grown.tree.Hash, old.tree.N, old.tree.Hash); err != nil {
		return refused("%v", err)
	}
	fmt.Printf("%s: %d records extend %d\n", grown.origin, grown.tree.N, old.tree.N)
	return nil
}

// cutPrefix is strings.CutPrefix, which Debian's Go does not have yet.
func cutPrefix(text string, prefix string) (string, bool) {
	return strings.TrimPrefix(text, prefix), strings.HasPrefix(text, prefix)
}
