"""A frozen corpus of tampered traces, each file named after its attack, and what each must be called.

``genuine`` is untouched. Next to it lie two of its checkpoints, held outside of
the file, and the ledger of its machine. An attacker had the file; in
``resigned-with-other-keys`` the attacker also had the program.
"""

from pathlib import Path

import pytest

from nucleus.errors import TraceError
from nucleus.trace.ledger import Entry, Ledger
from nucleus.trace.replay import replay
from nucleus.trace.verify import Held, verify

CORPUS = Path(__file__).parent.parent / "trace" / "tampered"
LATE = Held(((CORPUS / "held.checkpoint").read_bytes(),))
EARLY = Held(((CORPUS / "held-early.checkpoint").read_bytes(),))

BY_CHAIN = {
    "edit-verdict": (8, "edited"),
    "edit-facts": (3, "edited"),
    "edit-number": (3, "edited: it carries on from record 2, but its number was changed"),
    "edit-link": (3, "edited: its link to the record before it was changed"),
    "edit-header-level": (0, "edited"),
    "insert-forged-approval": (5, "inserted"),
    "insert-copy": (5, "inserted: a copy of record 3 stands where 5 belongs"),
    "insert-after-close": (25, "inserted"),
    "delete-denial": (8, "deleted: record 8 is missing"),
    "delete-several": (3, "deleted: records 3 to 5 are missing"),
    "reorder-two": (3, "reordered: record 4 stands where 3 belongs"),
    "cut-head": (0, "deleted: record 0 is missing"),
    "torn-end": (24, "torn"),
    "rechained-edit": (7, "edited, and the chain recomputed: one of records 7 to 19 is not what was signed"),
    "checkpoint-replayed-later": (24, "forged"),
    "duplicate-key": (24, "not JSON: a duplicate key"),
}
"""What the file alone gives away."""

BY_WHAT_IS_HELD = {
    "cut-tail": (8, "cut tail"),
    "cut-tail-before-close": (23, "cut tail"),
    "rechained-without-checkpoints": (22, "cut tail"),
    "fork-after-checkpoint": (21, "cut tail"),
    "resigned-with-other-keys": (0, "fork"),
    "whole-file-swap": (0, "whole-file swap"),
}
"""What only a checkpoint held outside shows."""

BY_THE_LEDGER = {
    "cut-tail": (8, "cut tail"),
    "cut-tail-before-close": (23, "cut tail"),
    "rechained-without-checkpoints": (7, "deleted"),
    "fork-after-checkpoint": (7, "fork: records 7 to 19"),
    "resigned-with-other-keys": (0, "whole-file swap"),
    "whole-file-swap": (0, "whole-file swap"),
}

BY_REPLAY = {
    "replay-verdict-flipped": (2, "diverges: it says 'deny'"),
    "replay-approval-spent-twice": (4, "diverges: it spends an approval"),
    "replay-exposure-lowered": (2, "diverges: it says 'allow'"),
}
"""Signed by the writer's own keys, and yet not what the kernel decides."""


@pytest.fixture(scope="module")
def entry() -> Entry:
    """Return what the ledger holds of the genuine trace."""
    return next(iter(Ledger(CORPUS / "ledger.jsonl").entries().values()))


def named(attack: str, held: Held | None = None) -> tuple[int, str]:
    with pytest.raises(TraceError) as caught:
        verify(CORPUS / f"{attack}.jsonl", held)
    return caught.value.record, caught.value.message


def test_the_genuine_trace_passes_every_check(entry: Entry) -> None:
    genuine = CORPUS / "genuine.jsonl"
    assert not verify(genuine).complete
    for held in (LATE, EARLY, Held(entry=entry), Held(LATE.notes + EARLY.notes, entry)):
        verified, found = replay(genuine, held)
        assert verified.complete
        assert found.in_flight == {}


@pytest.mark.parametrize("attack", BY_CHAIN)
def test_the_file_alone_gives_away(attack: str, entry: Entry) -> None:
    record, message = BY_CHAIN[attack]
    found = named(attack)
    assert (record, message) == (found[0], found[1][: len(message)])
    for held in (LATE, EARLY, Held(entry=entry)):
        assert named(attack, held)[0] == record


@pytest.mark.parametrize("attack", BY_WHAT_IS_HELD)
def test_a_held_checkpoint_shows_and_without_it_the_attack_succeeds(attack: str) -> None:
    record, message = BY_WHAT_IS_HELD[attack]
    found = named(attack, LATE)
    assert (record, message) == (found[0], found[1][: len(message)])
    assert not verify(CORPUS / f"{attack}.jsonl").complete


@pytest.mark.parametrize("attack", BY_THE_LEDGER)
def test_the_ledger_shows(attack: str, entry: Entry) -> None:
    record, message = BY_THE_LEDGER[attack]
    found = named(attack, Held(entry=entry))
    assert (record, message) == (found[0], found[1][: len(message)])


@pytest.mark.parametrize("attack", BY_REPLAY)
def test_replay_diverges_where_signatures_hold(attack: str) -> None:
    record, message = BY_REPLAY[attack]
    verify(CORPUS / f"{attack}.jsonl")
    with pytest.raises(TraceError) as caught:
        replay(CORPUS / f"{attack}.jsonl")
    assert caught.value.record == record
    assert caught.value.message.startswith(message)


def test_every_file_of_the_corpus_has_its_row() -> None:
    files = {path.stem for path in CORPUS.glob("*.jsonl")} - {"genuine", "ledger"}
    assert files == set(BY_CHAIN) | set(BY_WHAT_IS_HELD) | set(BY_REPLAY)
