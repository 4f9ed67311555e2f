"""What a run leaves behind: the ratchet may not fall, the sources are named."""

import json
from pathlib import Path

import pytest

from proofs import evidence
from proofs.prove import Report


def test_the_sources_of_kernel_proofs_and_core_are_in_the_evidence() -> None:
    names = evidence.sources()
    for name in ("src/nucleus/kernel/decide.py", "src/nucleus/gate/core.py", "proofs/coq/Model.v", "proofs/lint.py"):
        assert len(names[name]) == 64


def test_a_number_that_falls_is_a_failure_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ratchet = tmp_path / "ratchet.json"
    ratchet.write_text(json.dumps({"properties": 10**6}))
    monkeypatch.setattr(evidence, "RATCHET", ratchet)
    monkeypatch.setattr(evidence, "EVIDENCE", tmp_path / "evidence.json")
    numbers: dict[str, object] = dict.fromkeys(evidence.RISING, 10**9)
    numbers |= {"properties": 50, "killed": 1, "equivalent": 0, "mutants": 1, "coq_version": "0"}
    with pytest.raises(evidence.Unfit, match="properties: 50, was 1000000"):
        evidence.write(Report(numbers=numbers), evidence.sources())
    assert not (tmp_path / "evidence.json").exists()


def test_the_committed_ratchet_has_every_number() -> None:
    assert set(json.loads(evidence.RATCHET.read_text())) == set(evidence.RISING)
