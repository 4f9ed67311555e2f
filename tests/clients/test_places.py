"""Which files clients read servers from, here and at home."""

from pathlib import Path

from nucleus.audit.discover import CONFIG, classify
from nucleus.clients import places


def touch(base: Path, *names: str) -> None:
    for name in names:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).touch()


def test_a_project_has_its_own_files_only(tmp_path: Path) -> None:
    touch(tmp_path, ".mcp.json", ".codex/config.toml", "sub/.mcp.json", "mcp.txt")
    assert [place.shown for place in places.project(tmp_path)] == [".mcp.json", ".codex/config.toml"]
    assert not any(place.own for place in places.project(tmp_path))


def test_a_person_and_the_machine_have_others(tmp_path: Path) -> None:
    touch(tmp_path / "home", ".claude.json", ".cursor/mcp.json", ".config/zed/settings.json", ".claude/CLAUDE.md")
    touch(tmp_path / "p", ".mcp.json", ".claude/settings.json")
    touch(tmp_path, "managed.json")
    found = list(places.others(tmp_path / "p", tmp_path / "home", (str(tmp_path / "managed.json"),)))
    assert [(place.shown, place.own) for place in found] == [
        (".mcp.json", False),
        (".claude/settings.json", False),
        ("~/.claude.json", True),
        ("~/.cursor/mcp.json", True),
        ("~/.config/zed/settings.json", True),
        (str(tmp_path / "managed.json"), True),
    ]


def test_the_audit_reads_each_of_these_as_a_configuration() -> None:
    for name in (*places.PROJECT, *places.SETTINGS):
        kind = classify(name)
        assert kind is not None, name
        assert kind.form == CONFIG, name
