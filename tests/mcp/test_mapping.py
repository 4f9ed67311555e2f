"""A mapping counts for one definition of one program, with reviewed arguments. All else is the worst case."""

from typing import Any

import pytest

from nucleus.kernel.facts import CONTROL
from nucleus.mcp.mapping import MappingError, body_of, named, programs, read_mappings, shipped
from nucleus.mcp.pins import NAME, Identity, digest_of
from nucleus.policy.call import MCP
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy

NOTES = Identity(("/usr/bin/node", "/opt/notes-server", "--stdio"))
TOOL: dict[str, Any] = {"name": "notes", "inputSchema": {"type": "object"}}
TEXT = """
[[tool]]
program = "notes-server"
name = "notes"
digest = "{digest}"
op = "read_files"
arguments = ["action", "id", "host"]
longest = 10

[[tool.when]]
argument = "action"
values = ["send"]
op = "create_pr"
destination = "host"

[[tool.when]]
argument = "action"
values = ["drop"]
op = "write_files"
act = "destroy"
"""


def op_of(arguments: dict[str, Any], definition: dict[str, Any] = TOOL, identity: Identity = NOTES) -> Any:
    mappings = read_mappings(TEXT.format(digest=digest_of(definition)))
    args = mappings.call(identity, "notes", definition, arguments, b"{}").args
    return args.get("op"), args.get("destination"), args.get("act")


def test_a_reviewed_call_has_its_op() -> None:
    assert op_of({"action": "list", "id": 5}) == ("read_files", "", "")


def test_arguments_choose_among_what_was_reviewed() -> None:
    assert op_of({"action": "send", "host": "a.example"}) == ("create_pr", "a.example", "")
    assert op_of({"action": "drop"}) == ("write_files", "", "destroy")


@pytest.mark.parametrize(
    "arguments",
    [
        {"action": "list", "other": 1},
        {"action": "list", "": "what nobody reviewed"},
        {"id": "x" * 11},
        {"id": ["x"]},
        {"id": {"a": 1}},
        {"id": None},
        {"action": ["send"]},
        {"action": "send"},
        {"action": "send", "host": 5},
    ],
)
def test_what_nobody_reviewed_is_the_worst_case(arguments: dict[str, Any]) -> None:
    assert op_of(arguments) == (None, None, None)


def test_another_definition_or_another_program_is_not_reviewed() -> None:
    mappings = read_mappings(TEXT.format(digest=digest_of(TOOL)))
    changed = {**TOOL, "description": "x"}
    assert "op" not in mappings.call(NOTES, "notes", changed, {}, b"").args
    copy = Identity(("/usr/bin/node", "/opt/evil-server"))
    assert "op" not in mappings.call(copy, "notes", TOOL, {}, b"").args


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ({"readOnlyHint": True}, ("read_files", "", "")),
        ({"readOnlyHint": False}, (None, None, None)),
        ({"openWorldHint": True}, (None, None, None)),
        ({"destructiveHint": True}, ("read_files", "", "destroy")),
        ({"destructiveHint": "yes"}, ("read_files", "", "")),
    ],
)
def test_annotations_only_tighten(hints: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert op_of({"action": "list"}, {**TOOL, "annotations": hints}) == expected


def test_a_hint_alone_reviews_nothing() -> None:
    hinted = {"name": "x", "annotations": {"readOnlyHint": True, "openWorldHint": False}}
    assert "op" not in read_mappings(shipped()).call(NOTES, "notes", hinted, {}, b"").args


def test_the_call_holds_who_what_and_the_bytes() -> None:
    call = read_mappings().call(NOTES, "notes", TOOL, {}, body_of({"b": 1, "a": 1.5}))
    assert (call.kind, call.body) == (MCP, b'{"b":1,"a":1.5}')
    assert call.args == {"server": "notes", "tool": "notes", "identity": NOTES.digest}


def test_a_program_is_known_however_its_version_is_written() -> None:
    npx = Identity(("/usr/bin/npx", "-y", "@scope/server@1.2.3", "/home/u/dir"))
    assert programs(npx) == ("npx", "@scope/server")
    assert "mcp-server-time" in programs(Identity(("/usr/bin/uvx", "mcp-server-time==2026.1.1")))


def test_no_tool_has_the_name_of_a_method() -> None:
    assert named("resources/templates/list") == "resources:templates:list"
    assert NAME.fullmatch("a/b.c")
    assert not NAME.fullmatch(named("prompts/list"))


def test_the_shipped_mappings_are_valid() -> None:
    assert read_mappings(shipped())._reviewed


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "tool = [5]",
        '[[tool]]\nprogram = "p"\nname = "n"\ndigest = "d"\nop = "everything"',
        '[[tool]]\nprogram = "p"\nname = "n"\nop = "read_files"',
        '[[tool]]\nprogram = "p"\nname = "n"\ndigest = "d"\nop = "read_files"\nallow = true',
        '[[tool]]\nprogram = "p"\nname = "n"\ndigest = "d"\nop = "read_files"\narguments = "all"',
        '[[tool]]\nprogram = "p"\nname = "n"\ndigest = "d"\nop = "read_files"\nact = "smile"',
        '[[tool]]\nprogram = "p"\nname = "n"\ndigest = "d"\nop = "read_files"\nwhen = [{argument = 1}]',
    ],
)
def test_a_mapping_that_says_too_much_or_too_little_is_refused(text: str) -> None:
    with pytest.raises(MappingError):
        read_mappings(text)


ANYTHING = """
[[tool]]
program = "notes-server"
name = "{name}"
digest = "{digest}"
op = "read_files"
arguments = ["*"]
"""


def test_an_owner_can_have_reviewed_whatever_a_tool_is_given() -> None:
    mappings = read_mappings(ANYTHING.format(name="notes", digest=digest_of(TOOL)))
    deep = {"action": [{"x": "y" * 5000}]}
    assert mappings.call(NOTES, "notes", TOOL, deep, b"{}", beyond=True).args["op"] == "read_files"
    named_ones = read_mappings(TEXT.format(digest=digest_of(TOOL)))
    assert "op" in named_ones.call(NOTES, "notes", TOOL, {"id": 1}, b"{}").args
    assert "op" not in named_ones.call(NOTES, "notes", TOOL, {"id": 1}, b"{}", beyond=True).args


def test_a_message_that_is_no_tool_call_can_be_reviewed_for_one_program() -> None:
    mappings = read_mappings(ANYTHING.format(name=named("completion/complete"), digest=""))
    known = mappings.message(NOTES, "notes", "completion:complete", b"{}")
    assert (known.args["op"], known.args["tool"], known.body) == ("read_files", "completion:complete", b"{}")
    assert "op" not in mappings.message(NOTES, "notes", "prompts:get", b"{}").args
    assert "op" not in mappings.message(Identity(("/usr/bin/other",)), "notes", "completion:complete", b"{}").args


@pytest.mark.parametrize(
    "text",
    [
        ANYTHING.format(name="notes", digest=""),
        ANYTHING.format(name="a:b", digest="00"),
        ANYTHING.format(name="a:b", digest="").replace('"*"', '"x"'),
        TEXT.format(digest="00").replace('"host"]', '"*"]'),
    ],
)
def test_a_message_is_reviewed_as_a_whole_or_not_at_all(text: str) -> None:
    with pytest.raises(MappingError):
        read_mappings(text)


FILES = Identity(("/usr/bin/npx", "-y", "files-server@1.0.0", "/w"))
WRITES: dict[str, Any] = {
    "name": "put",
    "inputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": False, "destructiveHint": True},
}
PUT = """
[[tool]]
program = ["files-server", "other-name"]
name = "put"
digest = "{digest}"
op = "write_files"
does = "fs.write"
path = "path"
arguments = ["path"]
free = ["content"]
{more}
"""


def put(arguments: dict[str, Any], more: str = 'despite = ["destructiveHint"]', identity: Identity = FILES) -> Any:
    mappings = read_mappings(PUT.format(digest=digest_of(WRITES), more=more))
    return mappings.call(identity, "files", WRITES, arguments, b"{}").args


def test_a_tool_can_be_judged_as_one_of_our_own_calls_of_the_path_that_it_is_given() -> None:
    args = put({"path": "/w/a.py", "content": [{"deep": "x" * 5000}]})
    assert (args["does"], args["path"], args["op"]) == ("fs.write", "/w/a.py", "write_files")
    assert put({"path": "/w/a.py"}, identity=Identity(("/opt/other-name",)))["does"] == "fs.write"


@pytest.mark.parametrize("arguments", [{"path": "a.py"}, {"path": ["/w/a.py"]}, {"content": "x"}, {"path": "~/x"}, {}])
def test_a_path_that_the_server_would_resolve_in_its_own_way_is_the_worst_case(arguments: dict[str, Any]) -> None:
    assert "op" not in put(arguments)


def test_a_hint_that_the_reviewer_weighed_changes_nothing_and_any_other_still_does() -> None:
    assert put({"path": "/w/a.py"}, more="")["act"] == "destroy"
    assert "does" not in put({"path": "/w/a.py"}, more="")
    assert put({"path": "/w/a.py"}, more='despite = ["openWorldHint"]')["act"] == "destroy"


def test_a_written_path_is_judged_by_the_scopes_of_writing() -> None:
    policy = load_policy([LayerFile("--policy", "p.toml", POLICY, trusted=True, why="")], OwnerChoices())
    around = Context("/w", "/home/u")

    def judged(path: str) -> Any:
        mappings = read_mappings(PUT.format(digest=digest_of(WRITES), more='despite = ["destructiveHint"]'))
        return classify(policy, mappings.call(FILES, "files", WRITES, {"path": path, "content": "x"}, b"{}"), around)

    assert (judged("/w/src/a.py").scope, judged("/w/src/a.py").sink) == (2, 0)
    assert judged("/w/.claude/settings.json").sink == CONTROL
    assert judged("/etc/passwd").scope == 0


POLICY = b'version = 1\nprofile = "local_dev"\n[mcp.files]\nallow = ["put"]\n'


@pytest.mark.parametrize(
    "more",
    [
        'does = "fs.read"',
        'does = "fs.read"\npath = 3',
        'does = "proc.run"\npath = "path"',
        'does = "fs.write"\npath = "path"\nact = "destroy"',
        'does = "net.fetch"',
        'does = "net.fetch"\npath = "path"\ndestination = "url"',
        'does = "fs.read"\npath = "path"\npaths = "paths"',
        'does = "fs.read"\npath = "path"\nto = "to"',
        'does = "fs.move"\npath = "path"',
        'does = "fs.move"\npaths = "paths"\nto = "to"',
        'does = "git.stage"\npath = "path"',
        'does = "fs.read"\npath = "path"\nbase = "base"',
        'does = "fs.read"\npaths = ["paths"]',
        'path = "path"',
        'despite = ["idempotentHint"]',
        'free = "all"',
    ],
)
def test_what_a_mapping_can_not_say_of_our_own_calls_is_refused(more: str) -> None:
    with pytest.raises(MappingError):
        read_mappings(f'[[tool]]\nprogram = "p"\nname = "n"\ndigest = "d"\nop = "read_files"\n{more}')


def test_a_path_is_judged_as_the_place_that_it_leads_to() -> None:
    text = PUT.format(digest=digest_of(WRITES), more='despite = ["destructiveHint"]')
    mappings = read_mappings(text, follow={"/w/link": "/etc/shadow"}.__getitem__)
    assert mappings.call(FILES, "files", WRITES, {"path": "/w/link"}, b"{}").args["path"] == "/etc/shadow"
    as_written = read_mappings(text)
    assert as_written.call(FILES, "files", WRITES, {"path": "/w/link"}, b"{}").args["path"] == "/w/link"


def several(more: str, arguments: dict[str, Any], **world: Any) -> Any:
    """Return the policy arguments of a call that is of several places."""
    text = f'[[tool]]\nprogram = "files-server"\nname = "put"\ndigest = "{digest_of(WRITES)}"\n{more}\n'
    mappings = read_mappings(text + 'despite = ["destructiveHint"]\n', **world)
    return mappings.call(FILES, "files", WRITES, arguments, b"{}").args


EDIT_MANY = 'op = "edit_files"\ndoes = "fs.edit"\npaths = "files"\narguments = ["root"]\n'
MOVES = 'op = "write_files"\ndoes = "fs.move"\npath = "from"\nto = "to"\narguments = ["from", "to"]\n'
STAGES = 'op = "git_commit"\ndoes = "git.stage"\npaths = "files"\nbase = "root"\narguments = ["root"]\n'


def test_a_list_of_paths_is_handed_on_path_by_path_each_as_the_place_that_it_leads_to() -> None:
    def follow(path: str) -> str:
        return path.replace("link", "home")

    assert several(EDIT_MANY, {"files": ["/w/a", "/link/b"]}, follow=follow)["paths"] == ["/w/a", "/home/b"]
    assert several(MOVES, {"from": "/link/a", "to": "/link/b"}, follow=follow) == {
        **several(MOVES, {"from": "/w/a", "to": "/w/b"}),
        "path": "/home/a",
        "to": "/home/b",
    }
    base = several(STAGES, {"root": "/link", "files": ["a", "/w/b"]}, follow=follow)
    assert base["paths"] == ["/home/a", "/w/b"]


@pytest.mark.parametrize(
    "files",
    [[], "x", None, ["a"], ["/w/a", "a"], ["/w/a", 3], ["/w/" + "x" * 2000], ["/w/a"] * 257, {"/w/a": 1}, [["/w/a"]]],
)
def test_a_list_that_holds_anything_else_is_the_worst_case(files: Any) -> None:
    assert "op" not in several(EDIT_MANY, {"files": files})
    assert "op" not in several(EDIT_MANY, {})


@pytest.mark.parametrize("more", [{}, {"to": "b"}, {"to": ["/w/b"]}, {"to": "/w/b", "overwrite": True}])
def test_a_move_that_does_not_say_where_to_is_the_worst_case(more: dict[str, Any]) -> None:
    assert "op" not in several(MOVES, {"from": "/w/a", **more})


@pytest.mark.parametrize("file", ["*", ":/", ":(glob)x", "a[b]", "a?", "a\\b"])
def test_a_pattern_or_a_directory_for_git_is_the_worst_case(file: str) -> None:
    assert "op" not in several(STAGES, {"root": "/w", "files": ["a", file]})
    assert "op" not in several(STAGES, {"root": "/w", "files": ["src"]}, regular=lambda path: path != "/w/src")
    assert "op" not in several(STAGES, {"root": "w", "files": ["a"]})


def test_with_the_first_path_alone_looked_at_a_list_would_hide_the_others() -> None:
    """The defence switched off: what a mapping without ``paths`` could have said of the same tool."""
    free = 'op = "edit_files"\narguments = []\nfree = ["files"]\n'
    assert "paths" not in several(free, {"files": ["/w/a", "/home/u/.ssh/id_ed25519"]})
    assert "/home/u/.ssh/id_ed25519" in several(EDIT_MANY, {"files": ["/w/a", "/home/u/.ssh/id_ed25519"]})["paths"]
