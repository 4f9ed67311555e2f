"""``nucleus init``: a first nucleus.toml for this repository.

What it writes only tightens, so it holds without anybody trusting it. What
this repository would grant stands in it as comments, with the command that
makes it count.
"""

import argparse
from pathlib import Path
from typing import Final

from nucleus.cli import Usage
from nucleus.policy.document import did_you_mean
from nucleus.policy.layers import PROJECT_FILE
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from nucleus.policy.profiles import profile_names, read_profile

PROFILE: Final = "safe_pr_fixer"
"""What most people want of a first agent: it fixes, tests and proposes; a person merges."""
SECRETS: Final = (
    "**/.env*",
    "**/*.pem",
    "**/*.key",
    "**/id_rsa*",
    "**/.netrc",
    "**/.npmrc",
    "**/.pypirc",
    "secrets/**",
)
"""Denied from the start. A file that is denied is invisible too."""
FOREIGN: Final = ("vendor", "third_party", "node_modules", "external", "submodules")
"""Folders that hold other people's code by convention."""
SOURCES: Final = ("src", "lib", "app", "pkg", "cmd", "internal", "tests", "test", "docs", "doc", "examples")
"""Folders that an agent is usually asked to change."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--profile", metavar="P", default=PROFILE, help=f"the ceiling (default: {PROFILE})")
    parser.add_argument("--workspace", metavar="DIR", default=".", help="the project's directory (default: here)")
    parser.add_argument("--dry-run", action="store_true", help="print the file and write nothing")


def run(args: argparse.Namespace) -> int:
    """Write the file if there is none. 0 written, 1 there is one already."""
    if args.profile not in profile_names():
        raise Usage(f"there is no profile {args.profile!r}; {did_you_mean(args.profile, profile_names())}")
    workspace = Path(args.workspace)
    text = draft(workspace, args.profile)
    if args.dry_run:
        print(text, end="")
        return 0
    path = workspace / PROJECT_FILE
    try:
        # Exclusive, so that a file or a link that is there already is never written through.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        print(f"{path}: there is one already, and it was left as it is. See: nucleus policy check {path}")
        return 1
    if not args.quiet:
        print(f"{path}: written. It tightens at once; what it would grant counts after: nucleus policy trust {path}")
    return 0


def draft(workspace: Path, profile: str) -> str:
    """Return the text of a policy that fits what lies in ``workspace``. It always loads.

    Raises NotADirectoryError or FileNotFoundError if that is no directory.
    """
    there = {path.name for path in workspace.iterdir() if path.is_dir()}
    text = "".join(_parts(there, profile))
    # Names of folders never enter the text but those listed above, so this can't fail on what lies there.
    load_policy([LayerFile("project", PROJECT_FILE, text.encode(), trusted=True, why="draft")], OwnerChoices())
    return text


def _parts(there: set[str], profile: str) -> list[str]:
    about = read_profile(profile).content["about"]
    granted = [f"{name}/**" for name in SOURCES if name in there]
    parts = [
        "# What an agent may do in this repository. Everything here tightens the profile;\n",
        "# it holds as soon as it stands here. nucleus policy show tells what comes of it.\n",
        "version = 1\n",
        f"# {about}\n",
        f"profile = {_quoted(profile)}\n\n",
        "# Never read, and not even seen.\n",
        f"[deny]\nread = {_list(SECRETS)}\n",
    ]
    foreign = [f"{name}/**" for name in FOREIGN if name in there]
    if foreign:
        parts.append("\n# Other people's code: what is read here counts as untrusted.\n")
        parts.append(f"[labels]\nuntrusted = {_list(foreign)}\n")
    parts.append("\n# Grants count only after a person has run: nucleus policy trust\n# [allow]\n")
    if granted:
        parts.append(f"# write = {_list(granted)}\n")
    parts.append('# fetch = ["docs.python.org"]\n')
    return parts


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(items: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(_quoted(item) for item in items) + "]"
