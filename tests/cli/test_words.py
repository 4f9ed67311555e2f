"""The owner's own words come from a plain file, or the call was wrong."""

import os
from pathlib import Path

import pytest

from nucleus.cli import Usage
from nucleus.cli.words import LIMIT, owner_words


def test_no_file_is_no_words() -> None:
    assert owner_words("") == ""


def test_the_text_of_a_file_is_the_words(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mail it to ann@example.org, näch\n", encoding="utf-8")
    assert owner_words(str(tmp_path / "f")) == "mail it to ann@example.org, näch\n"


@pytest.mark.parametrize(
    ("content", "said"), [(b"a\xff", "not UTF-8, at byte 1"), (b"a" * (LIMIT + 1), f"more than {LIMIT} bytes")]
)
def test_what_is_no_text_is_a_wrong_call(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(Usage, match=said):
        owner_words(str(tmp_path / "f"))


def test_what_is_no_plain_file_is_a_wrong_call_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("pipe", "not a regular file"), (".", "directory"), ("none", "No such file")):
        with pytest.raises(Usage, match=said):
            owner_words(str(tmp_path / name))
    with pytest.raises(Usage, match="not a regular file"):
        owner_words("/dev/zero")
