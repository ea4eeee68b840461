"""No picture and no sound leaves the process: not into files, not into logs, not to the hub."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.demo_broker import PrivateBroker
from edge.outbox.schema import schemas
from edge.sources.recording import Recording
from edge.subscriber import subscribed

Make = Callable[..., Path]

OPENING = "open,openat,openat2,creat,memfd_create,truncate,rename,renameat,renameat2,link,linkat"
WRITING = "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice"
RUN = 24  # bytes: shorter runs of a noisy picture occur by chance
STRIDE = 8


@dataclass(frozen=True)
class Traced:
    """What a process and its threads did, by its system calls."""

    status: int
    stderr: str
    opened: frozenset[str]  # paths opened so that they could be written
    wrote: bytes  # everything that was written anywhere: files, sockets, pipes


@pytest.fixture(scope="session")
def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("needs strace: apt install strace")
    trial = subprocess.run([found, "-o", "/dev/null", "true"], capture_output=True, check=False)
    if trial.returncode:
        pytest.skip(f"strace may not trace here: {trial.stderr.decode().strip()}")
    return found


@pytest.fixture
def traced(strace: str, tmp_path: Path) -> Callable[..., Traced]:
    def run(*command: str) -> Traced:
        log = tmp_path / "strace.log"
        calls = f"trace={OPENING},{WRITING}"
        options = ["-f", "-qq", "-y", "-xx", "-s", "10000000", "-e", calls, "-e", "signal=none"]
        found = subprocess.run(
            [strace, *options, "-o", str(log), sys.executable, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        lines = log.read_text().splitlines()
        opened = frozenset(path for line in lines for path in writable(line))
        wrote = b"\n".join(part for line in lines for part in written(line))
        return Traced(found.returncode, found.stderr, opened, wrote)

    return run


QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
CALL = re.compile(r"^(?:\d+ +)?(?:<\.\.\. )?(\w+)")


def decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def writable(line: str) -> Iterator[str]:
    """Paths that this call opened, made or renamed so that something could be in them."""
    call = CALL.match(line)
    if call is None or call[1] not in OPENING.split(","):
        return
    failed = re.search(r"= -1 E", line)
    if call[1].startswith("open") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", line):
        return
    if failed is None:
        yield from (decoded(quoted).decode() for quoted in QUOTED.findall(line))


def written(line: str) -> Iterator[bytes]:
    call = CALL.match(line)
    if call is not None and call[1] in WRITING.split(","):
        assert '"...' not in line, "strace has cut what was written"
        yield from (decoded(quoted) for quoted in QUOTED.findall(line))


def runs_of(recording: Path) -> set[bytes]:
    """Pieces of every picture, depth picture and sound, of the file itself, and of their base64."""
    raw = [sample.data.tobytes() for sample in Recording(recording).samples()]
    plain = [*raw, recording.read_bytes()]
    encoded = [b64encode(data[shift:]) for data in raw for shift in range(3)]
    return {
        data[at : at + RUN]
        for data in (*plain, *encoded)
        for at in range(0, len(data) - RUN + 1, STRIDE)
    }


def leaks(wrote: bytes, runs: set[bytes]) -> int:
    return sum(wrote[at : at + RUN] in runs for at in range(len(wrote) - RUN + 1))


@pytest.fixture
def recording(make_recording: Make) -> Path:
    return make_recording(seconds=5, fall_s=1.5)


def config(tmp_path: Path, port: int, models: Path, recording: Path) -> Path:
    path = tmp_path / "gatehouse.yaml"
    source = {"type": "recording", "path": str(recording), "realtime": False}
    fields = {
        "site": "home",
        "device": "box",
        "state_dir": str(tmp_path / "state"),
        "mqtt": {"host": "127.0.0.1", "port": port},
        "models": {"directory": str(models)},
        "privacy": {"recording": {"allowed": True, "free_mb": 16}},
        "rooms": [{"name": "one", "source": source}],
    }
    path.write_text(yaml.safe_dump(fields))
    return path


def test_run_writes_no_picture_and_no_sound_to_any_file_log_or_connection(
    traced: Callable[..., Traced],
    recording: Path,
    model_directory: Path,
    broker: PrivateBroker,
    tmp_path: Path,
) -> None:
    path = config(tmp_path, broker.port, model_directory, recording)
    with subscribed(broker.host, broker.port, "aal/v1/#") as hub:
        done = traced("-m", "edge", "run", "--config", str(path))
        heard = hub.receive(2)
    assert done.status == 0, done.stderr
    kinds = {str(json.loads(payload)["type"]) for _, payload in heard if payload}
    assert {"aal.v1.alarm", "aal.v1.activity", "aal.v1.status"} <= kinds
    own = {name for name in done.opened if not name.startswith(("/dev/", "/proc/", "/sys/"))}
    state = str(tmp_path / "state")
    known = {f"{state}/{name}" for name in ("lock", "outbox.db", "outbox.db-wal", "outbox.db-shm")}
    assert own <= known | {f"{state}/outbox.db-journal"}, own - known
    assert f"{state}/outbox.db" in own
    assert not {name for name in done.opened if name.startswith("/dev/shm/")}
    assert b"aal.v1.alarm" in done.wrote, "the trace has missed what is sent"
    assert leaks(done.wrote, runs_of(recording)) == 0


def test_the_proof_finds_a_picture_that_is_written_or_sent(
    traced: Callable[..., Traced], recording: Path, tmp_path: Path
) -> None:
    program = """
import base64, socket, sys
from edge.sources.recording import Recording
from edge.values import Stream
frame = next(Recording(sys.argv[1]).samples(frozenset({Stream(sys.argv[2])}))).data.tobytes()
if sys.argv[3] == "file":
    open(sys.argv[4], "wb").write(frame[100:200])
elif sys.argv[3] == "log":
    sys.stderr.write(base64.b64encode(frame[100:200]).decode())
else:
    ends = socket.socketpair()
    ends[0].sendall(frame[100:200])
"""
    runs, target = runs_of(recording), str(tmp_path / "leak")
    for stream, way in (("rgb", "file"), ("depth", "socket"), ("audio", "log")):
        done = traced("-c", program, str(recording), stream, way, target)
        assert done.status == 0, done.stderr
        assert leaks(done.wrote, runs) > 0, way
        assert (target in done.opened) is (way == "file")


def test_only_record_makes_a_file_of_them(
    traced: Callable[..., Traced],
    recording: Path,
    model_directory: Path,
    broker: PrivateBroker,
    tmp_path: Path,
) -> None:
    path = config(tmp_path, broker.port, model_directory, recording)
    kept = tmp_path / "kept.mcap"
    done = traced("-m", "edge", "record", "--config", str(path), "--seconds", "9", str(kept))
    assert done.status == 0, done.stderr
    assert f"{kept}.part" in done.opened


def leaves(schema: dict[str, Any], whole: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Every place of a schema that holds a value, with what may stand there."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    options = schema.get("anyOf", schema.get("oneOf"))
    if options is not None:
        for option in options:
            yield from leaves(option, whole, name)
    elif schema.get("type") == "object":
        assert schema.get("properties") or schema.get("additionalProperties"), f"{name} is open"
        if "properties" in schema:
            assert schema.get("additionalProperties") is False, f"{name} takes any key"
        for key, part in schema.get("properties", {}).items():
            yield from leaves(part, whole, f"{name}.{key}")
        if isinstance(schema.get("additionalProperties"), dict):
            yield f"{name}{{}}", schema
            yield from leaves(schema["additionalProperties"], whole, f"{name}.*")
            yield from leaves(schema["propertyNames"], whole, f"{name}.key")
    elif schema.get("type") == "array":
        yield f"{name}[]", schema
        yield from leaves(schema["items"], whole, f"{name}[]")
    else:
        yield name, schema


LONGEST = 320  # characters: a thumbnail of 16 x 16 grey pixels has 342 in base64
LONGEST_WORD = 80


def is_short(name: str, leaf: dict[str, Any]) -> bool:
    """Whether a leaf holds nothing but a known word, a number, a time, or a short text."""
    kind = leaf.get("type")
    if "const" in leaf or "enum" in leaf or kind in ("null", "boolean"):
        return True
    if kind in ("integer", "number"):
        return "minimum" in leaf or "exclusiveMinimum" in leaf
    if kind == "array":
        items = leaf["items"]
        return "maxItems" in leaf or "enum" in items or "$ref" in items
    if kind == "object":  # of rooms or modalities
        return "maxProperties" in leaf or "$ref" in leaf["propertyNames"]
    if kind == "string" and leaf.get("format") == "date-time":
        return True
    return kind == "string" and "pattern" in leaf and leaf["maxLength"] <= LONGEST


@pytest.mark.parametrize("kind", sorted(schemas()))
def test_no_field_of_any_payload_is_large_or_free_enough_for_a_picture(kind: str) -> None:
    schema = schemas()[kind]
    found = list(leaves(schema, schema, kind))
    assert len(found) > 8
    open_ended = [name for name, leaf in found if not is_short(name, leaf)]
    assert open_ended == []


def test_the_only_free_text_is_a_line_of_short_words_that_base64_does_not_pass() -> None:
    free = {}
    for kind, schema in schemas().items():
        for name, leaf in leaves(schema, schema, kind):
            pattern = leaf.get("pattern")
            if pattern is not None and re.fullmatch(pattern, "two words"):
                free[name] = pattern
    assert set(free) == {"fault.data.active[].detail"}
    (pattern,) = free.values()
    picture = b64encode(bytes(range(256))).decode()
    assert not re.fullmatch(pattern, picture[: LONGEST_WORD + 1])
    assert re.fullmatch(pattern, "no camera at /dev/video0; plug it in")


def test_a_fault_whose_text_is_long_is_told_in_short() -> None:
    from edge.outbox.payload import FaultEntry, one_short_line

    picture = b64encode(bytes(4_000)).decode()
    for text in (picture, f"broken: {picture}", "word " * 500, "two\nlines"):
        line = one_short_line(text)
        fields = {"code": "source.one", "detail": line, "since": "2026-01-01T00:00:00Z"}
        assert FaultEntry.model_validate(fields).detail == line
        assert picture[:100] not in line
    assert one_short_line("no camera; plug it in") == "no camera; plug it in"
