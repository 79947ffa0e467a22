"""An export is OCSF API Activity: checked with the published schema, by code that is not ours.

The package ocsf-json-schema carries the schema as it was published, and makes a JSON Schema of the class with the profiles
that an event names: required attributes, types, enumerations, `at_least_one`, and no attribute that the schema has not.
"""

import copy
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from motlan.audit.v1 import audit_pb2
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

from caller import FUNERAL_GRANT, Caller
from demo import BINARY, ROOT, Demo
from officer import Officer
from refusal import refused

AUDIT = Path(os.environ.get("MOTLAN_AUDIT", ROOT / "target/release/motlan-audit"))
RUN_S_MAX = 60
API_ACTIVITY = 6003
# A W3C trace context; the id is nobody's.
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Event = dict[str, Any]


@dataclass(frozen=True)
class Exports:
    """One ledger, exported without and with the personal part."""

    plain: list[Event]
    whole: list[Event]
    subject: str
    official: str
    dossier: str


def run(*command: str | Path, text: str = "") -> str:
    """What a command prints, which must end well."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(name="exports", scope="module")
def exported(demo: Demo, desk: Caller, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Lookups that end in each way, and an erasure in a copy of the ledger, exported from there."""
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    subject, unknown = demo.samples["person"], demo.samples["unknown_person"]
    request = population.GetPersonRequest(personal_id=subject)
    desk.ask(stub.GetPerson, request, ("traceparent", TRACEPARENT))
    refused(desk.ask, stub.GetPerson, request, procedure=FUNERAL_GRANT)
    refused(desk.ask, stub.GetPerson, population.GetPersonRequest(personal_id=unknown))

    inspect = audit_pb2.SearchRequest(subject=subject)
    Officer(demo, "G20/inspection").ask("Search", inspect)
    refused(Officer(demo, desk.system).ask, "Search", inspect)
    until_us = int(time.time() + 60) * 1_000_000
    hold = audit_pb2.PlaceHoldRequest(dossier="VV-0", ground="Decision 13", until_us=until_us)
    Officer(demo, "G01/data-protection").ask("PlaceHold", hold)

    folder = tmp_path_factory.mktemp("ocsf") / "kept"
    shutil.copytree(demo.folder, folder)
    erase = ("ledger", "erase", "--config", folder / "motlan.toml", "--ground", "Decision 12")
    run(BINARY, *erase, text=f"{unknown}\n")
    export = (AUDIT, "export", "--format", "ocsf", "--ledger", folder / "ledger")
    personal = ("--with-subjects", "--sealing", folder / "pki" / "sealing")
    claims = desk.claims()
    return Exports(
        plain=events(run(*export)),
        whole=events(run(*export, *personal)),
        subject=subject,
        official=claims["sub"],
        dossier=claims["purpose"]["dossier"],
    )


def events(lines: str) -> list[Event]:
    """JSON lines, read."""
    return [json.loads(line) for line in lines.splitlines()]


_SCHEMAS: dict[str, OcsfJsonSchemaEmbedded] = {}


def published(version: str) -> OcsfJsonSchemaEmbedded:
    """A version of the schema, read once."""
    if version not in _SCHEMAS:
        _SCHEMAS[version] = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    return _SCHEMAS[version]


def class_schema(event: Event, version: str | None = None) -> dict[str, Any]:
    """The JSON Schema of API Activity that an event must follow."""
    metadata = event["metadata"]
    schema = published(version or metadata["version"])
    name = schema.lookup_class_name_from_uid(API_ACTIVITY)
    return schema.get_class_schema(name, metadata.get("profiles", []))


def faults(event: Event, schema: dict[str, Any]) -> list[str]:
    """What the validator finds wrong."""
    return [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(event)
    ]


def test_all_kinds_of_records_are_in_the_export(exports: Exports) -> None:
    codes = {(event["metadata"]["event_code"], event["status"]) for event in exports.plain}
    due = {
        ("QUESTION", "Announced"),
        ("OUTCOME", "Success"),
        ("OUTCOME", "Failure"),
        ("ERASURE", "Success"),
        ("LOOK", "Success"),
        ("LOOK", "Failure"),
        ("HOLD", "Success"),
    }
    assert due <= codes
    assert {"RELEASED", "PURPOSE_NOT_COVERED"} <= {
        event.get("status_code") for event in exports.plain
    }
    assert any("trace" in event for event in exports.plain)


# The version that events name, and those before it that have all of it.
@pytest.mark.parametrize("version", [None, "1.5.0", "1.6.0", "1.7.0"])
def test_every_event_is_what_the_published_schema_says(
    exports: Exports, version: str | None
) -> None:
    for event in exports.plain + exports.whole:
        assert event["class_uid"] == API_ACTIVITY
        assert faults(event, class_schema(event, version)) == []


def test_ids_bear_the_names_that_were_published_for_them(exports: Exports) -> None:
    named = ("severity", "status", "action", "disposition")
    pairs = [("activity_id", "activity_name"), ("type_uid", "type_name"), ("class_uid", "class_name")]
    pairs += [("category_uid", "category_name"), *((f"{name}_id", name) for name in named)]
    for event in exports.plain:
        schema = published(event["metadata"]["version"]).schema.schema
        attributes = schema["classes"]["api_activity"]["attributes"]
        for number, name in pairs:
            caption = attributes[number]["enum"][str(event[number])]["caption"]
            assert event[name] == caption or event[number] == 99, (number, event[name])


def test_an_event_names_its_record_and_its_question(exports: Exports) -> None:
    uids = [event["metadata"]["uid"] for event in exports.plain]
    assert len(set(uids)) == len(uids)
    for event in exports.plain:
        assert event["metadata"]["correlation_uid"] in uids


def test_nothing_personal_is_in_an_export_unless_asked_for(exports: Exports) -> None:
    personal = (exports.subject, exports.official, exports.dossier)
    plain, whole = json.dumps(exports.plain), json.dumps(exports.whole)
    for text in personal:
        assert text not in plain
        assert text in whole


# What the published class asks of this event, and a change that breaks it. The validator must be
# able to say no, or its yes is worth nothing.
def required(schema: dict[str, Any], event: Event) -> Iterator[tuple[str, ...]]:
    """The path of each required attribute that stands in `event`, objects within it as well."""
    pending: list[tuple[tuple[str, ...], dict[str, Any], Any]] = [((), schema, event)]
    while pending:
        path, rules, value = pending.pop()
        for name in rules.get("required", []):
            yield (*path, name)
        for name, inner in value.items():
            reference = rules.get("properties", {}).get(name, {}).get("$ref", "")
            if reference and isinstance(inner, dict):
                object_rules = schema["$defs"][reference.rsplit("/", 1)[1]]
                pending.append(((*path, name), object_rules, inner))


def without(event: Event, path: tuple[str, ...]) -> Event:
    """A copy that lacks one attribute."""
    changed = copy.deepcopy(event)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]
    return changed


def test_an_event_that_lacks_a_required_attribute_is_refused(exports: Exports) -> None:
    [event, *_] = [event for event in exports.whole if "trace" in event]
    schema = class_schema(event)
    paths = list(required(schema, event))
    class_required = {path[0] for path in paths if len(path) == 1}
    assert {"activity_id", "actor", "api", "category_uid", "class_uid"} <= class_required
    assert {"metadata", "severity_id", "src_endpoint", "time", "type_uid"} <= class_required
    assert {("metadata", "version"), ("metadata", "product"), ("api", "operation")} <= set(paths)
    for path in paths:
        assert any(path[-1] in fault for fault in faults(without(event, path), schema)), path


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("severity_id", 7),
        ("time", "2026-10-01"),
        ("type_uid", 600302.5),
        ("motlan", "an attribute of our own"),
        ("actor", {}),
        ("src_endpoint", {"port": 443}),
    ],
)
def test_an_event_with_a_wrong_attribute_is_refused(
    exports: Exports, attribute: str, value: object
) -> None:
    event = exports.plain[0] | {attribute: value}
    assert faults(event, class_schema(event)) != []
