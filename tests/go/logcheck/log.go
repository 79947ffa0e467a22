package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// How many hashes or records a full tile has: its height is 8.
	height = 8
	full   = 1 << height
	// The longest bundle: 256 of the longest records.
	bytesMax = full * (2 + 65535)
)

var client = http.Client{Timeout: 30 * time.Second}

// A served log, in the layout of C2SP tlog-tiles. It is a tlog.TileReader.
type served struct{ url string }

func (log served) fetch(path string) ([]byte, error) {
	response, err := client.Get(log.url + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, bytesMax+1))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, refused("%s: %s", path, response.Status)
	}
	return body, nil
}

// path is that of tlog, "tile/8/<L>/<N>[.p/<W>]", without the height.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "/tile/", 1)
}

func (log served) Height() int { return height }

func (log served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		hashes, err := log.fetch(path(tile))
		if err != nil {
			return nil, err
		}
		if len(hashes) != tile.W*tlog.HashSize {
			return nil, refused("%s has %d bytes", path(tile), len(hashes))
		}
		read = append(read, hashes)
	}
	return read, nil
}

func (log served) SaveTiles([]tlog.Tile, [][]byte) {}

// bundle gives the records of an entry bundle.
func (log served) bundle(index int64, width int) ([][]byte, error) {
	at := "/tile/entries/" + strings.SplitN(path(tlog.Tile{H: height, L: 0, N: index, W: width}), "/", 4)[3]
	rest, err := log.fetch(at)
	if err != nil {
		return nil, err
	}
	var records [][]byte
	for len(rest) > 0 {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return nil, refused("%s ends within a record", at)
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		records = append(records, rest[2:end])
		rest = rest[end:]
	}
	if len(records) != width {
		return nil, refused("%s has %d records", at, len(records))
	}
	return records, nil
}

// checkLog reads the whole log, each hash and each record, and compares it with what was signed.
func checkLog(url string, key string, oldFile string) error {
	log := served{strings.TrimSuffix(url, "/")}
	text, err := log.fetch("/checkpoint")
	if err != nil {
		return err
	}
	signed, err := openCheckpoint(string(text), key)
	if err != nil {
		return err
	}
	tree := signed.tree
	// Gives out no hash of a tile that does not lead to the signed root.
	reader := tlog.TileHashReader(tree, log)
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return refused("%v", err)
	}
	if root != tree.Hash {
		return refused("the tiles lead to another root")
	}
	if err := checkRecords(log, tree, reader); err != nil {
		return err
	}
	if oldFile != "" {
		if err := checkGrowth(oldFile, key, signed, reader); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d records\n", signed.origin, tree.N)
	return nil
}

// checkRecords recomputes the tree from the records, and proves the place of some of them.
func checkRecords(log served, tree tlog.Tree, reader tlog.HashReader) error {
	var stored hashStore
	for first := int64(0); first < tree.N; first += full {
		width := tree.N - first
		if width > full {
			width = full
		}
		records, err := log.bundle(first/full, int(width))
		if err != nil {
			return err
		}
		for at, record := range records {
			index := first + int64(at)
			hashes, err := tlog.StoredHashes(index, record, stored)
			if err != nil {
				return err
			}
			stored = append(stored, hashes...)
			if index%97 != 0 && index != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, reader)
			if err != nil {
				return refused("%v", err)
			}
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record))
			if err != nil {
				return refused("record %d: %v", index, err)
			}
		}
	}
	root, err := tlog.TreeHash(tree.N, stored)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return refused("the records lead to another root")
	}
	return nil
}

// checkGrowth checks that the log extends the one of an older checkpoint.
func checkGrowth(oldFile string, key string, signed checkpoint, reader tlog.HashReader) error {
	old, err := readCheckpoint(oldFile, key)
	if err != nil {
		return err
	}
	if old.origin != signed.origin || old.tree.N > signed.tree.N {
		return refused("the log of the older checkpoint is another, or was longer")
	}
	proof, err := tlog.ProveTree(signed.tree.N, old.tree.N, reader)
	if err != nil {
		return refused("%v", err)
	}
	err = tlog.CheckTree(proof, signed.tree.N, signed.tree.Hash, old.tree.N, old.tree.Hash)
	if err != nil {
		return refused("from %d to %d records: %v", old.tree.N, signed.tree.N, err)
	}
	return nil
}

// hashStore holds what tlog.StoredHashes gives, in its order.
type hashStore []tlog.Hash

func (store hashStore) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var read []tlog.Hash
	for _, index := range indexes {
		read = append(read, store[index])
	}
	return read, nil
}
