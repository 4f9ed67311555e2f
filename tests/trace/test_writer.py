"""One contract for the writer on files and in memory; then what only files can show."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from nucleus.errors import TraceError
from nucleus.trace import writer as module
from nucleus.trace.canonical import parse
from nucleus.trace.chain import GENESIS
from nucleus.trace.ledger import NAME, Ledger
from nucleus.trace.record import Ref
from nucleus.trace.replay import replay
from nucleus.trace.store import parts
from nucleus.trace.verify import Held, verify
from nucleus.trace.writer import BUFFERED, CHECKPOINT_RECORDS, TraceWriter
from tests.trace.example import HEADER, Clock, Story

Make = Callable[..., TraceWriter]


@pytest.fixture(params=["files", "buffered", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make writers of each kind."""

    def made(**more: int) -> TraceWriter:
        if request.param == "memory":
            return TraceWriter.in_memory(HEADER, clock=Clock(), **more)
        durability = "sync" if request.param == "files" else BUFFERED
        return TraceWriter.create(tmp_path / "traces", HEADER, clock=Clock(), durability=durability, **more)

    return made


def read(writer: TraceWriter) -> list[bytes]:
    """Return the lines that a reader would find."""
    if writer.path.name == "memory.jsonl":
        return writer.lines().split(b"\n")[:-1]
    return b"".join(part.read_bytes() for part in parts(writer.path)).split(b"\n")[:-1]


def test_a_trace_begins_with_a_header_that_says_what_it_is(make: Make) -> None:
    header = parse(read(make())[0])
    assert (header["seq"], header["prev"], header["type"], header["v"]) == (0, GENESIS, "header", 1)
    assert header["state"] == HEADER["state"]
    assert header["durability"] in {"sync", BUFFERED}
    assert header["boot_ns"] > 0
    assert header["key"].startswith(f"nucleus-runtime/trace/{header['trace']}+")


def test_a_ref_is_the_number_and_the_hash_of_the_line(make: Make) -> None:
    writer = make()
    refs = [writer.append({"type": "close", "reason": f"{number}"}) for number in range(3)]
    writer.sync()
    lines = read(writer)
    assert refs == [Ref(number, sha256(lines[number]).digest()) for number in (1, 2, 3)]
    assert [parse(line)["prev"] for line in lines[1:]] == [sha256(line).hexdigest() for line in lines[:-1]]
    assert writer.next_seq == 4


def test_a_step_is_appended_whole_or_not_at_all(make: Make) -> None:
    writer = make()
    refs = writer.append_all([{"type": "close", "reason": "a"}, {"type": "close", "reason": "b"}])
    assert [ref.seq for ref in refs] == [1, 2]
    with pytest.raises(TraceError):
        writer.append_all([{"type": "close", "reason": "c"}, {"type": "close", "reason": 1.5}])
    assert writer.append_all([]) == []
    writer.sync()
    assert len(read(writer)) == writer.next_seq == 3


@pytest.mark.parametrize(
    "record",
    [
        {"type": "close"},
        {"type": "closing", "reason": "x"},
        {"reason": "x"},
        {"type": "close", "reason": "\ud800"},
        {"type": "close", "reason": "x", "prev": "y"},
        {"type": "decision", "facts": [1.0]},
    ],
)
def test_a_record_that_is_none_changes_nothing(make: Make, record: dict[str, object]) -> None:
    writer = make()
    with pytest.raises(TraceError):
        writer.append(record)
    seq = writer.append({"type": "close", "reason": "x"}).seq
    writer.sync()
    assert (seq, len(read(writer))) == (1, 2)


def test_a_whole_session_verifies_and_replays(make: Make) -> None:
    writer = make()
    Story(writer).tell()
    note = writer.close("done")
    verified, found = replay(writer.path, Held((note.encode(),)), data=b"\n".join(read(writer)) + b"\n")
    assert (verified.complete, verified.ending, verified.checkpoints) == (True, "closed", 3)
    assert found.in_flight == {}


def test_a_closed_writer_takes_nothing_more(make: Make) -> None:
    writer = make()
    writer.close("done")
    before = read(writer)
    for act in (lambda: writer.append({"type": "close", "reason": "x"}), writer.sync, writer.checkpoint):
        with pytest.raises(TraceError, match="closed"):
            act()
    assert before == read(writer)


def test_a_checkpoint_is_due_after_many_records_and_never_made_unasked(make: Make) -> None:
    writer = make()
    story = Story(writer)
    for _ in range(CHECKPOINT_RECORDS // 2):
        story.result(story.decide())
    assert writer.due
    writer.checkpoint()
    assert not writer.due
    writer.sync()
    assert sum(b'"type":"checkpoint"' in line for line in read(writer)) == 1


def test_a_trace_goes_on_in_parts_and_a_missing_part_is_named(make: Make) -> None:
    writer = make(part_bytes=2_000)
    story = Story(writer)
    for _ in range(6):
        story.tell(1) if len(story.states) == 1 else story.result(story.decide())
        writer.checkpoint()
    writer.close("done")
    data = b"\n".join(read(writer)) + b"\n"
    whole = verify(writer.path, data=data)
    assert whole.ending == "closed"
    if writer.path.name == "memory.jsonl":
        return
    files = parts(writer.path)
    assert len(files) > 2
    assert verify(writer.path).records == whole.records
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    files[1].write_bytes(b"")
    with pytest.raises(TraceError, match="deleted: records"):
        verify(writer.path)


def test_the_files_are_the_owners_alone(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path / "traces", HEADER)
    for path, mode in ((tmp_path / "traces", 0o700), (writer.path, 0o600), (tmp_path / "traces" / NAME, 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_ledger_holds_header_and_checkpoints(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    Story(writer).decide()
    note = writer.checkpoint()
    entry = Ledger(tmp_path / NAME).find(writer.trace, writer.path)
    assert entry is not None
    assert entry.header == sha256(read(writer)[0]).hexdigest()
    assert (entry.notes, entry.closed) == ((note,), -1)
    last = writer.close("done")
    entry = Ledger(tmp_path / NAME).find(writer.trace, writer.path)
    assert entry is not None
    assert (entry.notes, entry.closed) == ((note, last), writer.next_seq)


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_a_witness_gets_every_checkpoint(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "witness"
    if kind == "directory":
        place.mkdir()
    writer = TraceWriter.create(tmp_path / "traces", HEADER, witness=place)
    first = writer.checkpoint()
    last = writer.close("done")
    kept = sorted(place.iterdir()) if kind == "directory" else [place]
    assert {path.read_text() for path in kept} == ({first, last} if kind == "directory" else {last})
    for path in kept:
        assert verify(writer.path, Held((path.read_bytes(),))).complete


def test_a_directory_that_others_can_change_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o777)
    open_to_all.chmod(0o777)
    with pytest.raises(TraceError, match="chmod 700"):
        TraceWriter.create(open_to_all, HEADER)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(TraceError, match="link"):
        TraceWriter.create(tmp_path / "link", HEADER)


def test_an_unknown_durability_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="durability"):
        TraceWriter.create(tmp_path, HEADER, durability="eventually")
    with pytest.raises(TraceError):
        TraceWriter.create(tmp_path, {"principal": "p"})
    assert list(tmp_path.glob("*.jsonl")) == []


def full_after(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk take ``room`` more bytes: the next write is short, then it fails."""
    left = [room]
    real = os.write

    def write(fd: int, data: bytes) -> int:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = real(fd, data[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize("room", [0, 1, 100, 399])
def test_a_full_disk_denies_and_leaves_nothing_half_written(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    story = Story(writer)
    story.decide()
    before = writer.path.read_bytes()
    with monkeypatch.context() as patch:
        full_after(room, patch)
        with pytest.raises(TraceError, match="No space left"):
            story.writer.append_all([{"type": "close", "reason": "x" * 300}, {"type": "close", "reason": "y"}])
        assert before == writer.path.read_bytes()
        patch.undo()
    writer.append({"type": "close", "reason": "room again"})
    assert verify(writer.path).records == 3


def test_a_disk_that_stays_full_and_can_not_take_back_ends_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)

    def broken(_fd: int, _size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        full_after(10, patch)
        patch.setattr(os, "ftruncate", broken)
        with pytest.raises(TraceError):
            writer.append({"type": "close", "reason": "x"})
    with pytest.raises(TraceError, match="take back"):
        writer.append({"type": "close", "reason": "x"})


def test_a_failed_sync_ends_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)

    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        with pytest.raises(TraceError, match="can't sync"):
            writer.sync()
    with pytest.raises(TraceError, match="can't be carried on"):
        writer.append({"type": "close", "reason": "x"})


def test_a_removed_or_changed_file_is_noticed_before_the_effect(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    writer.path.unlink()
    writer.append({"type": "close", "reason": "x"})
    with pytest.raises(TraceError, match="removed"):
        writer.sync()
    other = TraceWriter.create(tmp_path, HEADER)
    with other.path.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(TraceError, match="another process"):
        other.sync()


def test_an_unreachable_ledger_or_witness_ends_the_writer(tmp_path: Path) -> None:
    witness = tmp_path / "w"
    witness.mkdir()
    writer = TraceWriter.create(tmp_path / "traces", HEADER, witness=witness / "note")
    witness.rmdir()
    with pytest.raises(TraceError, match="checkpoint"):
        writer.checkpoint()
    with pytest.raises(TraceError, match="can't be carried on"):
        writer.append({"type": "close", "reason": "x"})


def test_sinkless_records_are_synced_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_RECORDS", 10)
    monkeypatch.setattr(module, "GROUP_NS", 1 << 60)
    writer = TraceWriter.create(tmp_path, HEADER)
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (synced.append(writer.next_seq), real(fd))[1])
    for _ in range(25):
        writer.append({"type": "close", "reason": "x"})
    assert synced == [11, 21]
    writer.sync()
    assert synced == [11, 21, 26]


def test_a_record_survives_the_death_of_its_process(tmp_path: Path) -> None:
    """Write-ahead: appended is in the file, whatever happens to the process."""
    code = (
        "import os, sys; from pathlib import Path; from nucleus.trace.writer import TraceWriter\n"
        "from tests.trace.example import HEADER, Story\n"
        "w = TraceWriter.create(Path(sys.argv[1]), HEADER); Story(w).decide(); print(w.path, flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert verify(Path(done.stdout.strip())).records == 2


def test_without_file_locks_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nucleus.errors import CannotEnforce

    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(CannotEnforce, match="flock"):
        TraceWriter.create(tmp_path, HEADER)
    assert list(tmp_path.iterdir()) == []


def test_no_private_key_reaches_the_disk(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    secret = writer._signer._live().private_bytes_raw()
    writer.checkpoint()
    second = writer._signer._live().private_bytes_raw()
    writer.abandon()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for key in (secret, second):
        assert key not in data
        assert key.hex().encode() not in data
