"""The door: a file of another tool in, the text of a policy and the list of what is missing out."""

from typing import Final, final

from nucleus.audit.importers import claude, codex, cursor, srt
from nucleus.audit.importers.draft import Draft
from nucleus.audit.node import Reading
from nucleus.audit.read.json_reader import read_json
from nucleus.audit.read.toml_reader import read_toml
from nucleus.audit.secrets import scan
from nucleus.audit.text import decode
from nucleus.errors import PolicyError
from nucleus.lean import dataclass

FILES: Final = {
    "claude": (".claude/settings.json", ".claude/settings.local.json"),
    "codex": (".codex/config.toml",),
    "srt": (".srt-settings.json",),
    "cursor": (".cursor/cli.json", ".cursor/sandbox.json"),
}
"""Tool -> where its settings are, in a project or a home directory."""
_FILL: Final = {"claude": claude.fill, "codex": codex.fill, "srt": srt.fill, "cursor": cursor.fill}


@final
@dataclass(frozen=True, slots=True)
class Imported:
    """The text of a policy, and one line for each thing that it does not say."""

    text: str
    lost: tuple[str, ...]

    def report(self) -> str:
        """Return the policy with what is missing as comments below it."""
        notes = "".join(f"# {line}\n" for line in self.lost)
        return self.text + (f"\n# not carried over:\n{notes}" if notes else "")


def import_settings(tool: str, path: str, data: bytes) -> Imported:
    """Return what the settings of ``tool`` become. Raises PolicyError for a file that can't be read."""
    try:
        source = decode(path, data)
    except UnicodeDecodeError as error:
        raise PolicyError("this is no text", path=path, line=1) from error
    draft = Draft(source)
    if path.endswith(".rules"):
        codex.fill_rules(draft)
        return Imported(draft.policy(), tuple(draft.lost))
    reading: Reading = read_toml(source.text) if path.endswith(".toml") else read_json(source.text)
    if not reading.roots:
        problem = reading.problems[0]
        raise PolicyError(problem.message, path=path, line=source.position(problem.offset)[0])
    scan(source, reading.roots)
    _FILL[tool](draft, reading.roots[0])
    text = draft.policy()
    return Imported(text, tuple(draft.lost))
