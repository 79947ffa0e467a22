"""R91: the JSON Schema of the agreement file, as somebody else's validator reads it."""

import datetime
import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from demo import BINARY, ROOT

AGREEMENTS = ROOT / "deploy/catalog/agreements"
FULL = ROOT / "crates/catalog/tests/catalog/schema/full.toml"

# What stands in an agreement of the reference catalogue, and what somebody could write in its place.
SAMPLE = AGREEMENTS / "g01-h26-population.toml"
BROKEN = [
    ('provider = "G01"', 'providers = "G01"'),
    ('provider = "G01"', 'provider = "Bộ Công an"'),
    ('consumer = "H26"', "consumer = 26"),
    ("version = 1", ""),
    ("version = 1", "version = 0"),
    ("version = 1", 'version = "1"'),
    ("version = 1", "version = 1.5"),
    ('title = "', 'title = "" # "'),
    ("valid_from = 2026-01-01", "valid_from = 2026-01-01T00:00:00"),
    ("valid_until = ", "valid_until = 2027 # "),
    ("legal_basis = [", "legal_basis = []\nlegal = ["),
    ("[[grant]]", "[[grants]]"),
    ("[[grant]]", '[[grant]]\nhours = ["8:00-17:00"]'),
    ("[[grant]]", '[[grant]]\nhours = "08:00-17:00"'),
    ("[[grant]]", '[[grant]]\nhours = ["08:00-09:00", "10:00-11:00", "12:00-13:00", "14:00-15:00"]'),
    ("[[grant]]", '[[grant]]\ndays = ["monday"]'),
    ("[[grant]]", "[[grant]]\ndays = []"),
    ("[[grant]]", '[[grant]]\nconsent = "optional"'),
    ("[[grant]]", "[[grant]]\napprovals = 4"),
    ("[[grant]]", "[[grant]]\nquota = { day = 5 }"),
    ("[[grant]]", "[[grant]]\nquota = {}"),
    ("[[grant]]", "[[grant]]\nrate = { subject = 0 }"),
    ("[[grant]]", '[[grant]]\nobligations = { log = "loud" }'),
    ("[[grant]]", "[[grant]]\nobligations = { keep_days = 100000 }"),
    ("[[grant]]", '[[grant]]\nobligations = { mask = [{ field = "full_name" }] }'),
    ("[[grant]]", '[[grant]]\nobligations = { mask = [{ field = "full_name", keep_first = 1, keep_last = 1 }] }'),
    ("[[grant]]", '[[grant]]\nbreak_glass = { officials = ["a"], minutes = 60 }'),
    ("[[grant]]", '[[grant]]\nbreak_glass = { officials = [], minutes = 60, review_hours = 24 }'),
    ("[[grant]]", '[[grant]]\nbreak_glass = { officials = ["a"], relaxes = ["NONE"], minutes = 9, review_hours = 9 }'),
    ("[[test]]", '[[test]]\nprocedures = ["1.004222"]'),
    ("[[test]]", '[[test]]\nconsented = ["full_name"]'),
    ('expect = "allowed"', 'expect = "perhaps"'),
    ('expect = "allowed"', 'expect = "NO_AGREEMENT"'),
    ("at = 2026-", "at = 2026-01-01 # "),
]


def motlan(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BINARY, *words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    printed = motlan("policy", "schema")
    assert printed.returncode == 0, printed.stderr
    schema = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def as_editors_see(value: Any) -> Any:
    """What TOML writes without quotes is a text in JSON."""
    match value:
        case dict():
            return {key: as_editors_see(inner) for key, inner in value.items()}
        case list():
            return [as_editors_see(inner) for inner in value]
        case datetime.date():
            return value.isoformat()
    return value


def faults(validator: jsonschema.Draft202012Validator, text: str) -> list[str]:
    found = validator.iter_errors(as_editors_see(tomllib.loads(text)))
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("file", [*sorted(AGREEMENTS.glob("*.toml")), FULL], ids=lambda file: file.name)
def test_every_agreement_that_loads_fits(validator: jsonschema.Draft202012Validator, file: Path) -> None:
    assert faults(validator, file.read_text()) == []


@pytest.mark.parametrize(("due", "written"), BROKEN)
def test_what_an_editor_marks_does_not_load_either(
    validator: jsonschema.Draft202012Validator, due: str, written: str, tmp_path: Path
) -> None:
    text = SAMPLE.read_text()
    assert due in text
    text = text.replace(due, written, 1)
    assert faults(validator, text)
    catalog = tmp_path / "deploy/catalog"
    shutil.copytree(ROOT / "deploy/catalog", catalog)
    (tmp_path / "proto").symlink_to(ROOT / "proto")
    (catalog / "agreements" / SAMPLE.name).write_text(text)
    loaded = motlan("policy", "test", "--catalog", str(catalog))
    assert loaded.returncode != 0
    assert SAMPLE.name in loaded.stderr, loaded.stderr
