"""The frozen corpus of the codecs: as it was, and worth something."""

import json
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import TraceError
from nucleus.tokens import token
from nucleus.trace import canonical
from proofs import frozen


def test_every_frozen_case_has_its_answer_still() -> None:
    count, problems = frozen.check()
    assert problems == []
    assert count >= 100


def test_every_codec_is_in_it_with_good_and_bad() -> None:
    entries = [json.loads(line) for line in frozen.CORPUS.read_text(encoding="utf-8").splitlines()]
    for codec in frozen.READERS:
        own = [entry["answer"] for entry in entries if entry["codec"] == codec]
        assert len(own) >= 15
        assert len(set(own)) >= 2


def test_a_changed_answer_is_a_finding(tmp_path: Path) -> None:
    lines = frozen.CORPUS.read_text(encoding="utf-8").splitlines()
    (tmp_path / "c.jsonl").write_text(lines[0].replace('"answer": "', '"answer": "not ', 1) + "\n", encoding="utf-8")
    assert len(frozen.check(tmp_path / "c.jsonl")[1]) == 2


def _any_json(line: bytes) -> Any:
    """Read whatever the standard library reads."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TraceError(str(error)) from error
    return found if type(found) is dict else {}


def test_weakened_readers_fall_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is for: each of these once was, or could be, a reader of ours."""
    monkeypatch.setattr(canonical, "parse", _any_json)
    monkeypatch.setattr(token, "verify_proof", lambda *_: None)
    problems = " ".join(frozen.check()[1])
    assert "a key twice" in problems
    assert "no proof of the holder" in problems
