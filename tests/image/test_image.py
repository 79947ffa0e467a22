"""What the image holds and says of itself."""

import subprocess
import tarfile
from pathlib import Path

import podman

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
SIZE_MIB_MAX = 40
BUILD_S_MAX = 120

# Besides the C library's files.
OURS = {
    "etc/group",
    "etc/nsswitch.conf",
    "etc/passwd",
    "usr/bin/motlan",
    "usr/bin/motlan-audit",
}


def test_the_image_has_at_most_forty_mebibytes() -> None:
    # R113.
    size = podman.inspect(podman.image())["Size"]
    print(f"\nsize of the image: {size / MIB:.2f} MiB")
    assert size <= SIZE_MIB_MAX * MIB


def test_it_holds_two_binaries_with_their_library_and_no_shell() -> None:
    # R113.
    name = f"{podman.run_name()}-exported"
    podman.podman("create", f"--name={name}", podman.image())
    with subprocess.Popen(["podman", "export", name], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as root:
            entries = [entry for entry in root if entry.isreg() and entry.size > 0]
    files = {entry.name for entry in entries}
    libraries = {file for file in files if file.startswith("lib")}
    assert files - libraries == OURS
    assert all(".so" in file for file in libraries)
    # Nothing in it belongs to who runs it but the folders for his files.
    assert all(entry.uid == 0 and not entry.mode & 0o6022 for entry in entries)


def test_it_says_what_it_is_and_runs_as_nobody() -> None:
    # R113.
    image = podman.inspect(podman.image())
    assert image["User"] == "65532:65532"
    assert image["Config"]["Entrypoint"] == ["/usr/bin/motlan"]
    assert image["Config"]["StopSignal"] == "SIGTERM"
    assert image["Healthcheck"]["Test"][:3] == ["CMD", "/usr/bin/motlan", "health"]
    labels = image["Labels"]
    for label in ("title", "source", "revision", "version", "licenses"):
        assert labels[f"org.opencontainers.image.{label}"] not in ("", "unknown")


def test_the_same_binaries_give_the_same_image() -> None:
    # R113.
    again = podman.image().replace(":image", ":again")
    revision = podman.inspect(podman.image())["Labels"]["org.opencontainers.image.revision"]
    build = ["deploy/build-image", "--local", "--tag", again]
    build += ["--binaries", str(Path(podman.binary()).parent)]
    done = subprocess.run(
        build, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_S_MAX, check=False
    )
    assert done.returncode == 0, done.stderr
    built = podman.inspect(again)
    # Whoever works on the sources meanwhile changes the revision, and nothing else.
    if built["Labels"]["org.opencontainers.image.revision"] == revision:
        assert built["Id"] == podman.inspect(podman.image())["Id"]
    assert built["RootFS"] == podman.inspect(podman.image())["RootFS"]


def test_a_missing_binary_is_told_before_anything_is_built(tmp_path: Path) -> None:
    build = ["deploy/build-image", "--local", "--binaries", str(tmp_path)]
    done = subprocess.run(
        build, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_S_MAX, check=False
    )
    assert done.returncode == 1
    assert f"`{tmp_path}/motlan` is missing" in done.stderr


def test_the_auditor_in_it_runs() -> None:
    done = podman.podman(
        "run",
        "--rm",
        f"--name={podman.run_name()}-auditor",
        "--no-healthcheck",
        *podman.HARDENED,
        "--entrypoint=/usr/bin/motlan-audit",
        podman.image(),
        "--version",
    )
    assert done.stdout.startswith("motlan-audit ")
    assert not done.stderr
