"""Guides whose commands are run as they stand in them."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from demo import ROOT, Demo

RUN_S_MAX = 60


@dataclass(frozen=True)
class Block:
    """A fenced block: `sh` is run, `sh refused` must fail, `python` is saved to a file."""

    kind: str
    text: str

    def script(self, number: int) -> str:
        """As part of one shell script that reports every block's exit code on descriptor 3."""
        if self.kind == "python":
            name = self.text.split("\n", 1)[0].removeprefix("# ")
            return f"cat > \"$DIR/client/{name}\" <<'END_OF_BLOCK'\n{self.text}END_OF_BLOCK\n"
        return f'{self.text}echo "{number} $?" >&3\n'


def blocks(guide: Path) -> list[Block]:
    """The blocks that are to be run, in order."""
    found = re.findall(r"^```([a-z ]+)\n(.*?)^```$", guide.read_text(), re.MULTILINE | re.DOTALL)
    return [Block(kind, text) for kind, text in found if kind in {"sh", "sh refused", "python"}]


def run(guide: Path, demo: Demo, **environment: str) -> str:
    """Runs all blocks of a guide in one shell; each must end as it says. Gives what was printed."""
    whole = blocks(guide)
    script = "set -u -o pipefail\n" + "".join(
        block.script(number) for number, block in enumerate(whole)
    )
    reading, writing = os.pipe()
    with open(reading) as codes:
        ran = subprocess.run(
            ["bash", "-c", f"exec 3>&{writing}\n{script}"],
            cwd=ROOT,
            env={**os.environ, "DIR": str(demo.folder), **environment},
            pass_fds=[writing],
            capture_output=True,
            text=True,
            timeout=RUN_S_MAX,
            check=False,
        )
        os.close(writing)
        ended = {int(number): int(code) for number, code in map(str.split, codes)}
    output = ran.stdout + ran.stderr
    commands = [(number, block) for number, block in enumerate(whole) if block.kind != "python"]
    assert commands, f"{guide} has no commands"
    for number, block in commands:
        assert number in ended, f"not reached:\n{block.text}\n{output}"
        failed = ended[number] != 0
        assert failed == (block.kind == "sh refused"), f"{block.text}\n{output}"
    return ran.stdout


def reasons(guide: Path) -> list[str]:
    """The reasons that a guide explains in its tables."""
    return re.findall(r"^\| `([A-Z_]+)` \|", guide.read_text(), re.MULTILINE)
