"""What the guides for agencies tell to do works as it stands there."""

import re
from collections import Counter
from pathlib import Path

import guide
from demo import ROOT, Demo

AGENCY = ROOT / "docs/agency"
GUIDE = AGENCY / "first-lookup.md"
TOKEN = AGENCY / "token.md"
CERTIFICATE = AGENCY / "certificate.md"
# Every reason stands there. Those who work with the audit trail, care for what uses leave behind,
# collect dossiers, correct what was found to be wrong, or count, find theirs in their guides too.
ERRORS = AGENCY / "errors.md"
MORE = [
    ROOT / "docs/security/audit-service.md",
    ROOT / "docs/owner/reviews.md",
    ROOT / "docs/once/collect.md",
    ROOT / "docs/owner/corrections.md",
    ROOT / "docs/once/report.md",
]
SENTENCES = ROOT / "crates/gateway/src/lookup/sentence.rs"
CLIENTS = AGENCY / "clients"
REPEATS = {"no", "wait", "told", "token", "later"}


def test_every_command_of_the_guide_works_as_written(demo: Demo) -> None:
    printed = guide.run(GUIDE, demo)
    assert len(guide.blocks(GUIDE)) > 10
    assert "reason: FIELD_NOT_GRANTED" in printed
    assert "The receipt is good" in printed
    assert demo.samples["person"] in printed


def test_a_token_is_made_by_hand_and_each_mistake_is_told_as_the_page_says(demo: Demo) -> None:
    printed = guide.run(TOKEN, demo)
    assert '"fullName": "Trịnh Đình Tuấn"' in printed
    _, told = TOKEN.read_text().split("## Usual mistakes")
    rows = re.findall(r"^\| .+ \| (.+) \| `([A-Z_]+)` \|$", told, re.MULTILINE)
    assert len(rows) > 10
    said = printed.splitlines()
    for sentence, reason in rows:
        # The end of a signature, which has no line end, stands before the first.
        assert any(line.endswith(sentence) for line in said), (sentence, said)
        assert reason in guide.reasons(ERRORS)


def test_a_certificate_is_asked_for_looked_at_and_of_no_use_elsewhere(demo: Demo) -> None:
    printed = guide.run(CERTIFICATE, demo)
    assert "one-stop.pem: OK" in printed
    digests = Counter(re.findall(r"SHA2-256\(stdin\)= (\w+)", printed))
    assert list(digests.values()) == [2], printed
    # Good, from another authority, none at all: what the page shows under its commands.
    shown = re.findall(r"^```text\n(.*?)^```$", CERTIFICATE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    assert printed.rstrip().endswith("".join(shown).rstrip())


def rows(page: Path) -> dict[str, list[str]]:
    """The rows of the tables of reasons, by reason; each reason once."""
    found = re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", page.read_text(), re.MULTILINE)
    assert len(found) == len({reason for reason, _ in found}), page
    return {reason: rest.split(" | ") for reason, rest in found}


def test_the_page_of_errors_has_every_reason_that_a_caller_can_meet_and_no_other() -> None:
    met = set(re.findall(r'^\s+"([A-Z_]+)" =>', SENTENCES.read_text(), re.MULTILINE))
    explained = rows(ERRORS)
    assert met
    assert set(explained) == met
    for reason, (_status, _on_record, _whose, repeat, _what) in explained.items():
        assert repeat in REPEATS, reason
    for page in MORE:
        for reason, (status, *_) in rows(page).items():
            assert status in explained[reason][0], (page, reason)


def test_every_client_repeats_what_the_page_says_may_be_repeated() -> None:
    explained = rows(ERRORS)
    due = {reason for reason, row in explained.items() if row[3] in {"wait", "told", "token"}}
    programs = [file for file in CLIENTS.rglob("*") if file.stem.lower() in {"lookup", "main"}]
    programs = [file for file in programs if file.suffix != ".csproj"]
    assert len(programs) == 6
    for program in programs:
        repeated = re.findall(r'"([A-Z]+_[A-Z_]+)"', program.read_text())
        assert set(repeated) & set(explained) == due, program
