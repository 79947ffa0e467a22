"""What the guides for security teams tell to do works as it stands there, on a demo's ledger."""

import json
import re
import time
from pathlib import Path

import pytest
from motlan.audit.v1 import audit_pb2
from vn.population.v1 import population_pb2, population_pb2_grpc

import guide
from caller import FUNERAL_GRANT, Caller
from demo import ROOT, Demo
from refusal import refused

TRAIL = ROOT / "docs/security/trail.md"
VERIFY = ROOT / "docs/security/verify.md"
INCIDENT = ROOT / "docs/security/incident.md"

SIGNED_S_MAX = 10.0


@pytest.fixture(name="looked_up", scope="module", autouse=True)
def looked_up_fixture(demo: Demo, desk: Caller) -> None:
    """There is something to be found: one that was answered, one that was refused."""
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population_pb2.GetPersonRequest(personal_id=demo.samples["person"])
    desk.ask(stub.GetPerson, request)
    turned_down = refused(desk.ask, stub.GetPerson, request, procedure=FUNERAL_GRANT)
    # Programs beside the gateway see what its checkpoint on the disk speaks for: once a second.
    assert turned_down.record is not None
    due = int(turned_down.record.rsplit("-", 1)[1]) + 1
    deadline = time.monotonic() + SIGNED_S_MAX
    while (told := signed(demo)) < due:
        assert time.monotonic() < deadline, f"{told} of {due} records are signed"
        time.sleep(0.05)


def signed(demo: Demo) -> int:
    """How many records the checkpoint on the disk speaks for."""
    [checkpoint] = (demo.folder / "ledger").glob("20*/checkpoint")
    return int(checkpoint.read_text().splitlines()[1])


def test_the_questions_of_the_day_are_answered_as_the_page_says(demo: Demo) -> None:
    printed = guide.run(TRAIL, demo)
    person = demo.samples["person"]
    assert re.search(rf"demo-\w+-\d+ .* released .* {person} ", printed), printed
    assert re.search(r"^ +\d+ H26/one-stop PURPOSE_NOT_COVERED$", printed, re.MULTILINE)
    assert re.search(r"^ +\d+ H29/one-stop NO_AGREEMENT$", printed, re.MULTILINE)
    assert re.search(r"demo-\w+-\d+ .* look +G\d+/", printed), printed
    assert re.search(r"^component: [1-9]\d*$", printed, re.MULTILINE)
    assert re.search(r"^change: \d+$", printed, re.MULTILINE)
    events = (demo.folder / "client/today.jsonl").read_text().splitlines()
    assert events and person not in "".join(events)
    # The audit service told this one, and whom it is about.
    assert json.loads((demo.folder / "client/found.json").read_text())["records"]


def test_a_ledger_is_verified_and_a_changed_byte_found_as_the_page_says(demo: Demo) -> None:
    stubs = Path(audit_pb2.__file__).parents[3]
    printed = guide.run(VERIFY, demo, STUBS=str(stubs))
    assert printed.count("is sound.") == 2
    assert "opened                0  sealed parts: NOT checked" in printed
    assert "a frame whose content does not fit its checksum" in printed
    assert "its root is not that of the first" in printed
    for good in ("The receipt is good", "The log has only grown", "The proof is good"):
        assert good in printed
    # The page says of each finding what it means, in the words of the program.
    shown = re.findall(r"^  \S+(?:, offset \d+, record \d+)?: (.+)$", printed, re.MULTILINE)
    page = re.sub(r"\bN\b", "", VERIFY.read_text())
    assert len(shown) >= 3
    for finding in shown:
        assert re.sub(r"\d+", "", finding) in page, finding


def test_the_words_of_findings_stand_in_the_code() -> None:
    sources = [*(ROOT / "crates/audit/src").rglob("*.rs")]
    code = "".join(source.read_text() for source in sources)
    _, told = VERIFY.read_text().split("## 4. What a finding means")
    told, _ = told.split("## 5. ")
    findings = re.findall(r"^\| (`.+?`(?:, `.+?`)*) \|", told, re.MULTILINE)
    words = [word for row in findings for word in re.findall(r"`(.+?)`", row)]
    assert len(words) > 12
    for word in words:
        parts = re.split(r"\bN\b|\bM\b|…", word.removeprefix("checkpoint: "))
        for part in (part.strip(" ,") for part in parts):
            assert part in code, word


def test_an_incident_can_be_met_as_the_page_says(demo: Demo) -> None:
    printed = guide.run(INCIDENT, demo)
    assert "sealed as revision 2" in printed
    assert "H26/one-stop business_registration/GetEnterprise" in printed
    # What the demo itself asked, and this test.
    assert int(printed.splitlines()[-1]) > 3
    [kept] = (demo.folder / "client").glob("incident-*.checkpoint")
    assert kept.read_text().startswith(demo.ledger_key.split("+", 1)[0])
