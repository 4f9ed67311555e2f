"""Contents are in a store of their own, or nowhere."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace.content import ContentStore, read_content

ITEM = b'{"bytes":9,"of":1,"what":"b"}\n123456789\n'


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    store = ContentStore.create(tmp_path / "t.jsonl")
    items = [(1, "body", b""), (2, "result", b'a\n{"x":1}\n'), (2, "body", bytes(range(256)))]
    for item in items:
        store.keep(*item)
    store.close()
    assert store.path == tmp_path / "t.content"
    assert items == read_content(store.path)
    assert store.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(TraceError):
        ContentStore.create(tmp_path / "t.jsonl")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=80) | st.integers(0, 60).map(lambda n: (b'{"bytes":9,"of":1,"what":"b"}\n123456789\n' * 2)[:n])
)
def test_hostile_bytes_raise_and_nothing_else(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.content").write_bytes(data)
    try:
        read_content(tmp_path / "t.content")
    except TraceError:
        return
    assert data == b"" or data.endswith(b"\n")


@pytest.mark.parametrize("head", [b"{}", b'{"bytes":-1,"of":1,"what":"b"}', b'{"bytes":"1","of":1,"what":"b"}'])
def test_malformed_items_are_refused(head: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.content").write_bytes(head + b"\nx\n")
    with pytest.raises(TraceError):
        read_content(tmp_path / "t.content")
