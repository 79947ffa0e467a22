"""Lets the clients of docs/agency/clients make their first lookup, and compares what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/python"))

from demo import Demo  # noqa: E402

CLIENTS = ROOT / "docs/agency/clients"
MADE = ROOT / "target/clients"
BUILD_S_MAX = 540
RUN_S_MAX = 60

DEBIAN_GO = Path("/usr/share/gocode/src")
DEBIAN_JAVA = Path("/usr/share/java")
RECORD = re.compile(r"^demo-\d{4}q[1-4]-\d+$")

NOT_IN_VIEW = (
    "ethnicity,religion,nationality,marital_status,life_status,birth_registration_place,old_id,"
    "household_code,relation_to_head,relatives,working_note"
)
NOT_ASKED = (
    "personal_id,date_of_birth,sex,ethnicity,religion,nationality,marital_status,life_status,"
    "permanent_residence,current_address,birth_registration_place,old_id,household_code,"
    "relation_to_head,relatives,working_note"
)


class Wrong(Exception):
    """A client did not do what it must."""


@dataclass(frozen=True)
class Language:
    """What a client needs, each by the name under which it is missed."""

    name: str
    needs: dict[str, Callable[[], bool]]

    def lacks(self) -> list[str]:
        """What is missing here."""
        return [name for name, is_there in self.needs.items() if not is_there()]


def command(name: str) -> Callable[[], bool]:
    """That a command is there."""
    return lambda: shutil.which(name) is not None


def file(path: Path) -> Callable[[], bool]:
    """That a file or folder is there."""
    return path.exists


LANGUAGES = [
    Language("python", {}),
    Language("node", {"node": command("node"), "npm": command("npm")}),
    Language(
        "go",
        {
            "go": command("go"),
            "protoc": command("protoc"),
            "protoc-gen-go": command("protoc-gen-go"),
            "protoc-gen-go-grpc": command("protoc-gen-go-grpc"),
            "gRPC for Go": file(DEBIAN_GO / "google.golang.org/grpc"),
            "golang-jwt": file(DEBIAN_GO / "github.com/golang-jwt/jwt"),
        },
    ),
    Language(
        "java",
        {
            "javac": command("javac"),
            "protoc": command("protoc"),
            "grpc_java_plugin": command("grpc_java_plugin"),
            "gRPC for Java": file(DEBIAN_JAVA / "grpc-netty.jar"),
            "Gson": file(DEBIAN_JAVA / "gson.jar"),
            "netty-tcnative": file(DEBIAN_JAVA / "netty-tcnative.jar"),
        },
    ),
    Language("rust", {"cargo": command("cargo")}),
    Language("csharp", {"the .NET SDK": command("dotnet")}),
]


def environment(language: str, folder: Path) -> dict[str, str]:
    """What `build` and `run` of a client are told."""
    made = MADE / language
    [error_details] = (ROOT / "target/venv/lib").glob(
        "*/site-packages/google/rpc/error_details.proto"
    )
    return {
        **os.environ,
        "DIR": str(folder),
        "OUT": str(made),
        "PYTHON": sys.executable,
        "GOOGLEAPIS": str(error_details.parents[2]),
        # With what is built there already.
        "TARGET": str(ROOT / "target"),
    }


def build(language: str, folder: Path) -> None:
    """Builds a client anew."""
    out = MADE / language
    shutil.rmtree(out, ignore_errors=True)
    ran = subprocess.run(
        [str(CLIENTS / language / "build"), str(out)],
        cwd=ROOT,
        env=environment(language, folder),
        capture_output=True,
        text=True,
        timeout=BUILD_S_MAX,
        check=False,
    )
    if ran.returncode != 0:
        raise Wrong(f"`build` ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")


def ask(language: str, folder: Path, code: int, *arguments: str) -> tuple[dict[str, str], str]:
    """Runs a client, which must end with `code`: the lines that it says, and what it complains."""
    ran = subprocess.run(
        [str(CLIENTS / language / "run"), *arguments],
        cwd=ROOT,
        env=environment(language, folder),
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    if ran.returncode != code:
        raise Wrong(f"{arguments} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    lines = [line.split(": ", 1) for line in ran.stdout.splitlines() if ": " in line]
    return dict(lines), ran.stderr


def same(said: dict[str, str], **due: str | re.Pattern[str]) -> None:
    """That the lines `due` stand there as they must."""
    for name, wanted in due.items():
        told = said.get(name.replace("_", " "), "")
        fits = wanted.search(told) if isinstance(wanted, re.Pattern) else told == wanted
        if not fits:
            raise Wrong(f"`{name}` is `{told}` instead of `{wanted}`, of {said}")


def play(language: str, demo: Demo, nobody: Path, stranger: Path) -> None:
    """An answer, less of it, a refusal, nobody found, no gateway, and a certificate of nobody's."""
    person = demo.samples["person"]
    whole, _ = ask(language, demo.folder, 0, person)
    same(
        whole,
        name="Trịnh Đình Tuấn",
        born="1973-11-22",
        province="Thành phố Hà Nội",
        record=RECORD,
        withheld=NOT_IN_VIEW,
        as_of=re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
    )
    # A line without a value is none of `name: value`.
    less, _ = ask(language, demo.folder, 0, person, "full_name")
    same(less, name="Trịnh Đình Tuấn", born="", province="", record=RECORD, withheld=NOT_ASKED)
    if less["record"] == whole["record"]:
        raise Wrong("two lookups have one record")
    more, _ = ask(language, demo.folder, 1, person, "full_name,religion")
    same(
        more,
        refused="PERMISSION_DENIED FIELD_NOT_GRANTED",
        message="`g01-h26-population-2026/residence` does not give the field `religion`",
        vi="Có trường thông tin chưa được phép chia sẻ.",
        record=RECORD,
    )
    none, attempts = ask(language, demo.folder, 1, demo.samples["unknown_person"])
    same(none, refused="NOT_FOUND SUBJECT_NOT_FOUND", record=RECORD)
    if "attempt" in attempts:
        raise Wrong(f"what does not help was repeated: {attempts}")
    unreached, attempts = ask(language, nobody, 1, person)
    same(unreached, refused="UNAVAILABLE none", record="none")
    if attempts.count(", again in a moment") != 2:
        raise Wrong(f"three attempts were due: {attempts}")
    # Libraries differ in the status: the gateway has not spoken.
    turned_away, _ = ask(language, stranger, 1, person)
    same(turned_away, refused=re.compile("^(UNAVAILABLE|CANCELLED|UNKNOWN) none$"), record="none")


def foreign(demo: Demo, folder: Path) -> Path:
    """A folder like the demo's, whose system has a certificate that nobody stands behind."""
    stranger = folder / "stranger"
    shutil.copytree(demo.folder / "pki", stranger / "pki")
    (stranger / "endpoints.json").write_text(json.dumps(demo.endpoints))
    system = stranger / "pki/systems/H26/one-stop"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=stranger", "-days", "1", "-addext"]
    command += ["subjectAltName=URI:spiffe://motlan.example/agency/H26/system/one-stop"]
    command += ["-keyout", f"{system}.key", "-out", f"{system}.pem"]
    subprocess.run(command, check=True, capture_output=True)
    return stranger


def elsewhere(demo: Demo, folder: Path) -> Path:
    """A folder like the demo's, whose gateway is at a port where nobody listens."""
    nobody = folder / "nobody"
    nobody.mkdir()
    (nobody / "pki").symlink_to(demo.folder / "pki")
    endpoints = {**demo.endpoints, "gateway": "localhost:1"}
    (nobody / "endpoints.json").write_text(json.dumps(endpoints))
    return nobody


def main(wanted: list[str]) -> int:
    """Plays with the clients in `wanted`, or all. How many did not do what they must."""
    unknown = set(wanted) - {language.name for language in LANGUAGES}
    if unknown:
        sys.exit(f"there is no client in {', '.join(sorted(unknown))}")
    ran, wrong, missing = [], [], []
    with tempfile.TemporaryDirectory(prefix="motlan-clients-") as temporary:
        folder = Path(temporary)
        demo = Demo.start(folder / "kept", folder / "demo.log")
        try:
            nobody, stranger = elsewhere(demo, folder), foreign(demo, folder)
            for language in LANGUAGES:
                if wanted and language.name not in wanted:
                    continue
                lacks = language.lacks()
                if lacks:
                    missing.append(language.name)
                    print(f"NOT RUN: {language.name}: {', '.join(lacks)} is missing here", flush=True)
                    continue
                began = time.monotonic()
                try:
                    build(language.name, demo.folder)
                    built = time.monotonic()
                    play(language.name, demo, nobody, stranger)
                except (Wrong, subprocess.TimeoutExpired) as error:
                    wrong.append(language.name)
                    print(f"wrong: {language.name}: {error}", flush=True)
                    continue
                ran.append(language.name)
                now = time.monotonic()
                told = f"built in {built - began:.1f} s, six lookups in {now - built:.1f} s"
                print(f"ran: {language.name}: {told}", flush=True)
        finally:
            code = demo.stop()
    if code != 0:
        print(f"wrong: the demo ended with {code}")
    print(f"{len(ran)} clients ran, {len(wrong)} went wrong, {len(missing)} could not be run here")
    return 0 if ran and not wrong and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
