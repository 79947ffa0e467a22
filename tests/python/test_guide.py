"""What the guide for agencies tells to do works as it stands there."""

import os
import re
import subprocess
from dataclasses import dataclass

from demo import ROOT, Demo

GUIDE = ROOT / "docs/agency/first-lookup.md"
SENTENCES = ROOT / "crates/gateway/src/lookup/sentence.rs"

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


def blocks() -> list[Block]:
    """The blocks that are to be run, in order."""
    found = re.findall(r"^```([a-z ]+)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return [Block(kind, text) for kind, text in found if kind in {"sh", "sh refused", "python"}]


def test_every_command_of_the_guide_works_as_written(demo: Demo) -> None:
    whole = blocks()
    script = "set -u -o pipefail\n" + "".join(
        block.script(number) for number, block in enumerate(whole)
    )
    reading, writing = os.pipe()
    with open(reading) as codes:
        ran = subprocess.run(
            ["bash", "-c", f"exec 3>&{writing}\n{script}"],
            cwd=ROOT,
            env={**os.environ, "DIR": str(demo.folder)},
            pass_fds=[writing],
            capture_output=True,
            text=True,
            timeout=RUN_S_MAX,
            check=False,
        )
        os.close(writing)
        ended = {int(number): int(code) for number, code in map(str.split, codes)}
    output = ran.stdout + ran.stderr
    for number, block in enumerate(whole):
        if block.kind == "python":
            continue
        assert number in ended, f"not reached:\n{block.text}\n{output}"
        failed = ended[number] != 0
        assert failed == (block.kind == "sh refused"), f"{block.text}\n{output}"
    assert len(ended) > 10
    assert "reason: FIELD_NOT_GRANTED" in ran.stdout
    assert "The receipt is good" in ran.stdout
    assert demo.samples["person"] in ran.stdout


def test_the_guide_explains_every_reason_that_a_caller_can_meet() -> None:
    met = set(re.findall(r'^\s+"([A-Z_]+)" =>', SENTENCES.read_text(), re.MULTILINE))
    explained = re.findall(r"^\| `([A-Z_]+)` \|", GUIDE.read_text(), re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert met
    assert set(explained) == met
