// Command logcheck checks a log of Mot Lan with code that is not Mot Lan's: the packages tlog and
// note of golang.org/x/mod/sumdb. What it knows itself is where C2SP tlog-tiles puts things, and how
// C2SP tlog-checkpoint, tlog-proof and tlog-witness write them.
//
//	logcheck log URL KEY [OLD]           the log served below URL, and that it extends the checkpoint OLD
//	logcheck proof FILE KEY              a tlog-proof whose extra data is the record
//	logcheck consistency FILE OLD KEY    a consistency proof from the checkpoint OLD on
//
// It ends with 0 where all holds, with 1 where something is refused, with 2 where nothing was checked.
package main

import (
	"errors"
	"fmt"
	"os"
)

// errRefused marks what was looked at and does not hold.
var errRefused = errors.New("refused")

func refused(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", errRefused, fmt.Sprintf(format, arguments...))
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 3 && arguments[0] == "log":
		return checkLog(arguments[1], arguments[2], "")
	case len(arguments) == 4 && arguments[0] == "log":
		return checkLog(arguments[1], arguments[2], arguments[3])
	case len(arguments) == 3 && arguments[0] == "proof":
		return checkProof(arguments[1], arguments[2])
	case len(arguments) == 4 && arguments[0] == "consistency":
		return checkConsistency(arguments[1], arguments[2], arguments[3])
	}
	return errors.New("usage: logcheck log URL KEY [OLD] | proof FILE KEY | consistency FILE OLD KEY")
}

func main() {
	err := run(os.Args[1:])
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "logcheck:", err)
	if errors.Is(err, errRefused) {
		os.Exit(1)
	}
	os.Exit(2)
}
