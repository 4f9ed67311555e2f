"""What a file carries outlives the session, and is never less than what was written into it."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nucleus.errors import CannotEnforce
from nucleus.kernel.exposure import ALL_SEEN, EXFIL, FOREIGN, PRIVATE, SECRET, UNTRUSTED, valid
from nucleus.policy import labels
from nucleus.policy.labels import ANY, KEPT, LabelStore, NoLabels


class Memory:
    """A journal in memory, whose content can be cut like a crash would."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def read(self) -> bytes:
        """Return everything."""
        return self.content

    def append(self, line: bytes) -> None:
        """Add one line."""
        self.content += line

    def stamp(self) -> tuple[int, int]:
        """Return what tells that somebody else has written."""
        return 1, len(self.content)

    def replace(self, content: bytes, expected: tuple[int, int]) -> None:
        """Put other content in place."""
        assert expected == self.stamp()
        self.content = content


def test_a_write_carries_the_writers_exposure_to_whoever_reads_next() -> None:
    journal = Memory()
    LabelStore(journal).will_write("notes.md", "d1", PRIVATE | UNTRUSTED)
    assert LabelStore(journal).bits("notes.md") == PRIVATE | UNTRUSTED


def test_without_the_store_a_fresh_reader_sees_nothing() -> None:
    """The defence switched off: the laundering by a file that the store exists to stop."""
    assert NoLabels().bits("notes.md") == 0
    assert NoLabels().tree(".") == 0


def test_that_data_could_have_left_is_not_a_property_of_a_file() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "d", UNTRUSTED | EXFIL)
    assert store.bits("a") == UNTRUSTED


def test_an_invalid_exposure_counts_as_everything() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "d", FOREIGN)
    assert store.bits("a") == KEPT


def test_a_write_that_may_not_have_happened_keeps_the_old_label_too() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "old", SECRET | PRIVATE)
    store.will_write("a", "new", UNTRUSTED)
    assert store.bits("a") == SECRET | PRIVATE | UNTRUSTED


def test_a_clean_writer_ends_the_label_only_once_its_content_is_in_place() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "old", UNTRUSTED)
    store.will_write("a", "new", 0)
    assert store.bits("a") == UNTRUSTED
    store.settle("a", "new")
    assert store.bits("a") == 0
    store.settle("a", "old")
    assert store.bits("a") == UNTRUSTED


def test_a_change_from_outside_leaves_it_to_the_policys_labels() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "d1", UNTRUSTED)
    assert store.saw("a", "by a person") == 0


def test_content_that_comes_back_brings_its_label() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "d1", UNTRUSTED)
    store.saw("a", "by a person")
    assert store.saw("a", "d1") == UNTRUSTED


def test_a_tree_label_holds_of_everything_below_and_survives_edits() -> None:
    store = LabelStore(Memory())
    store.mark_tree("vendor", UNTRUSTED)
    assert store.bits("vendor/x/y.py") == UNTRUSTED
    assert store.saw("vendor/x/y.py", "edited") == UNTRUSTED
    assert store.bits("vendored") == 0
    store.mark_tree(".", PRIVATE)
    assert store.bits("anything") == PRIVATE


def test_a_tree_read_joins_what_is_below() -> None:
    store = LabelStore(Memory())
    store.will_write("src/a", "d", UNTRUSTED)
    store.will_write("docs/b", "d", PRIVATE)
    assert store.tree("src") == UNTRUSTED
    assert store.tree("sr") == 0
    assert store.tree(".") == PRIVATE | UNTRUSTED


def test_a_person_clears_untrusted_of_exactly_one_content() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "d1", PRIVATE | UNTRUSTED)
    cleared = store.accept("a", "d1", "owner")
    assert (cleared.before, cleared.after) == (PRIVATE | UNTRUSTED, PRIVATE)
    assert store.bits("a") == PRIVATE
    store.will_write("a", "d2", UNTRUSTED)
    assert store.bits("a") & UNTRUSTED


def test_accepting_does_not_clear_the_label_of_a_tree() -> None:
    store = LabelStore(Memory())
    store.mark_tree("vendor", UNTRUSTED)
    store.accept("vendor/a", "d1", "owner")
    assert store.bits("vendor/a") == UNTRUSTED


def test_what_comes_of_an_edit_carries_the_editor_and_what_was_there_before() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "old", SECRET | PRIVATE)
    store.settle("a", "old")
    store.will_write("a", ANY, UNTRUSTED)
    assert store.bits("a") == SECRET | PRIVATE | UNTRUSTED
    assert store.saw("a", "edited") == SECRET | PRIVATE | UNTRUSTED
    assert LabelStore(store._journal).bits("a") == SECRET | PRIVATE | UNTRUSTED
    assert store.saw("a", "old") == SECRET | PRIVATE
    store.accept("a", "edited", "owner")
    assert store.saw("a", "edited") == SECRET | PRIVATE


def test_an_edit_by_a_clean_writer_does_not_wash_the_rest_of_the_file() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "old", UNTRUSTED)
    store.settle("a", "old")
    store.will_write("a", ANY, 0)
    assert store.saw("a", "edited") == UNTRUSTED


def test_a_torn_last_line_is_a_write_that_never_happened() -> None:
    journal = Memory()
    store = LabelStore(journal)
    store.will_write("a", "d", UNTRUSTED)
    whole = len(journal.content)
    store.will_write("b", "d", UNTRUSTED)
    for cut in range(whole, len(journal.content)):
        after = LabelStore(Memory(journal.content[:cut]))
        assert after.bits("a") == UNTRUSTED
        assert after.bits("b") == 0


@given(st.data())
def test_any_other_damage_is_an_error_and_never_a_missing_label(data: st.DataObject) -> None:
    journal = Memory()
    store = LabelStore(journal)
    for name in ("a", "b", "c"):
        store.will_write(name, "d", UNTRUSTED)
    at = data.draw(st.integers(0, journal.content.rindex(b"\n", 0, -1)))
    changed = bytearray(journal.content)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotEnforce, match="damaged"):
        LabelStore(Memory(bytes(changed)))


@pytest.mark.parametrize(
    "entry", [{"do": "dance", "path": "a"}, {"do": "write"}, {"path": "a"}, {}, [], 1, {"do": "tree", "path": 1}]
)
def test_a_whole_line_that_says_nothing_known_is_an_error(entry: object) -> None:
    text = json.dumps(entry).encode()
    with pytest.raises(CannotEnforce):
        LabelStore(Memory(b"%08x %b\n" % (zlib.crc32(text), text)))


def test_a_long_journal_is_rewritten_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Memory()
    store = LabelStore(journal)
    for number in range(50):
        store.will_write("a", f"d{number % 3}", UNTRUSTED)
        store.saw("a", f"d{number % 2}")
    store.mark_tree("v", PRIVATE)
    store.will_write("e", "old", UNTRUSTED)
    store.will_write("e", ANY, PRIVATE)
    before = len(journal.content)
    monkeypatch.setattr(labels, "COMPACT_AT", 1)
    again = LabelStore(journal)
    assert len(journal.content) < before
    for name in ("a", "v/x", "e"):
        assert again.bits(name) == store.bits(name) == LabelStore(journal).bits(name)
    assert again.saw("e", "new") == store.saw("e", "new") == UNTRUSTED | PRIVATE


class Laundering(RuleBasedStateMachine):
    """Whatever is written, overwritten, crashed and reopened: content in place carries at least its writer's bits."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Memory()
        self.store = LabelStore(self.journal)
        self.true: dict[str, str] = {}
        self.written: dict[tuple[str, str], int] = {}

    @rule(
        path=st.sampled_from("ab"),
        digest=st.sampled_from("xyz"),
        bits=st.integers(0, ALL_SEEN).filter(valid),
        lands=st.booleans(),
    )
    def write(self, path: str, digest: str, bits: int, lands: bool) -> None:
        """Write, or crash before the content is in place."""
        self.store.will_write(path, digest, bits)
        self.written[path, digest] = self.written.get((path, digest), 0) | bits & KEPT
        if lands:
            self.true[path] = digest
            self.store.settle(path, digest)

    @rule()
    def reopen(self) -> None:
        """Start again from the journal."""
        self.store = LabelStore(self.journal)

    @rule(path=st.sampled_from("ab"))
    def read(self, path: str) -> None:
        """See the content that is in place."""
        if path in self.true:
            self.store.saw(path, self.true[path])

    @invariant()
    def nothing_is_laundered(self) -> None:
        """Check that the store never says less than what was written."""
        for path, digest in self.true.items():
            bits = self.written[path, digest]
            assert self.store.bits(path) & bits == bits

    @rule(path=st.sampled_from("ab"))
    def read_exactly(self, path: str) -> None:
        """Once the content in place was seen, the store says exactly what was written into it."""
        if path in self.true:
            digest = self.true[path]
            assert self.store.saw(path, digest) == self.written[path, digest]


TestLaundering = Laundering.TestCase


def test_many_writes_are_one_durable_append_and_mean_what_single_ones_do() -> None:
    many, single = Memory(), Memory()
    store, other = LabelStore(many), LabelStore(single)
    contents = {f"f{number}": f"d{number}" for number in range(50)}
    store.will_write_all(contents, UNTRUSTED)
    store.settle_all(contents | {"unknown": "d"})
    for path, digest in contents.items():
        other.will_write(path, digest, UNTRUSTED)
    for path, digest in contents.items():
        other.settle(path, digest)
    assert many.content == single.content
    assert LabelStore(many).bits("f7") == UNTRUSTED
    store.will_write_all({"clean": "d"}, 0)
    store.settle_all({})
    assert many.content == single.content
