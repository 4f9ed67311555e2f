"""The Coq model's table: bound to its sources, and compared cell by cell."""

import json
import shutil
from pathlib import Path

import pytest

from nucleus.kernel.state import Request, State
from proofs import cells, oracle, random_cases


@pytest.fixture(scope="module")
def committed() -> oracle.Oracle:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "which", lambda _: None)
        return oracle.load()


def test_without_coq_the_committed_table_is_used_bound_by_hash(committed: oracle.Oracle) -> None:
    assert committed.source == "committed"
    assert len(committed.theorems) >= 12
    assert {"ratchet", "homomorphic_exposure", "no_silent_exfiltration", "no_capability_never"} <= set(
        committed.theorems
    )


def test_a_changed_model_without_coq_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(oracle, "_hashes", lambda: {"Model.v": "another"})
    with pytest.raises(oracle.OracleError, match="install coq"):
        oracle.load()


def test_a_changed_table_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    binding = json.loads(oracle.BINDING.read_text()) | {"table": "0" * 64}
    forged = tmp_path / "oracle.json"
    forged.write_text(json.dumps(binding))
    monkeypatch.setattr(oracle, "BINDING", forged)
    with pytest.raises(oracle.OracleError, match="not the table"):
        oracle.load()


def test_an_admitted_theorem_or_an_axiom_is_a_failure() -> None:
    closed = "\n".join([oracle.CLOSED] * 12)
    assert len(oracle._checked(closed)) == 12
    with pytest.raises(oracle.OracleError, match="rests on"):
        oracle._checked(closed.replace(oracle.CLOSED, "Axioms:\ncheat : False", 1))
    with pytest.raises(oracle.OracleError, match="rests on"):
        oracle._checked("")


def test_one_operation_equals_the_model_and_a_tampered_cell_is_found(committed: oracle.Oracle) -> None:
    size = cells.CELLS_OF_OP * cells.CELL_BYTES
    expected = committed.table[9 * size : 10 * size]
    found = cells.cells_of(9)
    assert cells._first_difference("op 9", found, expected, 4) == []
    tampered = bytearray(expected)
    tampered[4 * 1234] ^= 1
    assert cells._first_difference("op 9", found, bytes(tampered), 4)[0].startswith("op 9, number 1234: ")


def test_a_cell_is_found_by_its_facts(committed: oracle.Oracle) -> None:
    state = State(3 << 18, 3, 9, 4)
    request = Request(9, 2, 1, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0)
    verdict, rules, after = random_cases.expected(committed.table, state, request)
    assert (verdict, rules, after) == (1, 64 | 256, None)


def test_the_frozen_corpus_stays_what_it_was(committed: oracle.Oracle) -> None:
    assert random_cases.check_corpus(committed) >= 29


def test_random_cases_equal_the_model_in_every_class(committed: oracle.Oracle) -> None:
    counts = random_cases.run(committed, cases=20_000, seed=3, workers=1)
    assert min(counts.values()) >= 2_000


def test_a_wrong_door_is_a_mismatch(committed: oracle.Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: a door that allows what it can't read is noticed."""
    monkeypatch.setattr(random_cases, "admit", lambda state, _: (2, 0, state))
    with pytest.raises(random_cases.Mismatch):
        random_cases.check(committed.table, State(0, 0, 0, 0), None)


def test_a_lopsided_generator_is_noticed(committed: oracle.Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_cases, "LEAST_SHARE", 0.5)
    with pytest.raises(random_cases.Mismatch, match="lopsided"):
        random_cases.run(committed, cases=2_000, workers=1)
