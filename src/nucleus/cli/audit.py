"""``nucleus audit``: find what an agent could do here, without running anything."""

import argparse
import gc
import os
import sys
from pathlib import Path
from typing import Any, Final

from nucleus.audit import baseline, discover, fixes, settings
from nucleus.audit.discover import Kind
from nucleus.audit.engine import Result, audit
from nucleus.audit.project import Document, Project, load, load_file, shown_path
from nucleus.audit.registry import page, rule_ids, rules
from nucleus.audit.settings import Settings, from_policy
from nucleus.audit.text import encode
from nucleus.cli import Usage, version
from nucleus.errors import PolicyError
from nucleus.lean import replace

FORMATS: Final = ("text", "concise", "json", "sarif", "github", "markdown")
POLICY_FILE: Final = "nucleus.toml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="files and directories; default: the current directory")
    add("--user", action="store_true", help="the clients' own files below your home directory too")
    add("--format", choices=FORMATS, default="text", help="default: text")
    add("--output", metavar="F", help="write the report to a file instead of standard output")
    add("--fix", action="store_true", help="make the safe edits")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: also edits that can stop what works now")
    add("--diff", action="store_true", help="show the edits, make none")
    add("--suggest", action="store_true", help="the smallest profile that breaks the three legs, checked by the kernel")
    add(
        "--fail-on",
        metavar="LEVEL",
        choices=tuple(settings.FAIL_ON),
        help="info, low, medium, high, never; default: low",
    )
    add("--baseline", metavar="F", help="findings in this file are known and do not count")
    add("--write-baseline", metavar="F", help="write what is found now as a baseline")
    add("--persona", choices=tuple(settings.PERSONAS), help="regular, pedantic or auditor; default: regular")
    add("--min-confidence", choices=tuple(settings.CONFIDENCES), help="low, medium or high; default: low")
    add("--explain", metavar="RULE", help="print the page of a rule")
    add("--list-rules", action="store_true", help="print all rules")


def run(args: argparse.Namespace) -> int:
    """Audit and return 0 (nothing that counts), 1 (findings) or 2 (a path is missing, or the call was wrong)."""
    if args.explain is not None:
        return _explain(args.explain)
    if args.list_rules:
        return _list_rules()
    collecting = gc.isenabled()
    gc.disable()  # one short pass in which nothing is thrown away; collecting would be a tenth of it
    try:
        return _audit(args)
    finally:
        if collecting:
            gc.enable()


def _audit(args: argparse.Namespace) -> int:
    if args.unsafe_fixes and not (args.fix or args.diff):
        raise Usage("--unsafe-fixes needs --fix or --diff")
    paths = [Path(path) for path in args.paths] or [Path()]
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        print(f"nucleus: {missing[0]}: no such file or directory", file=sys.stderr)
        return 2
    root = Path.cwd()
    project = load(root, paths, home=Path.home() if args.user else None)
    chosen = _settings(args, project, paths)
    result = audit(project, chosen)
    if args.write_baseline:
        _write(Path(args.write_baseline), baseline.written(result.findings + result.known).encode())
        count = len(result.findings) + len(result.known)
        print(f"{args.write_baseline}: {count} findings are known from now on", file=sys.stderr)
        return 0
    if args.diff or args.fix:
        return _edit(args, root, project, result, chosen)
    if args.suggest:
        from nucleus.audit.suggest import suggest

        _print(args, suggest(project))
        return _status(result, chosen)
    _print(args, _render(args, result))
    return _status(result, chosen)


def _status(result: Result, chosen: Settings) -> int:
    return 1 if result.worst() >= chosen.fail_on else 0


def _settings(args: argparse.Namespace, project: Project, paths: "list[Path]") -> Settings:
    """Return what the command line says, then what the policy at the root of the audit says. Raises PolicyError."""
    chosen = Settings()
    bases = [path if path.is_dir() else path.parent for path in paths]
    for place in (Path(POLICY_FILE), *(base / POLICY_FILE for base in bases)):
        document = _policy(project, place)
        if document is not None and document.root is not None:
            chosen = from_policy(document.source, document.root, chosen)
            break
    changes: dict[str, Any] = {
        name: table[value]
        for name, table, value in (
            ("persona", settings.PERSONAS, args.persona),
            ("min_confidence", settings.CONFIDENCES, args.min_confidence),
            ("fail_on", settings.FAIL_ON, args.fail_on),
        )
        if value is not None
    }
    if args.baseline:
        path = Path(args.baseline)
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError as error:
            raise Usage(f"{path}: no such file; write it with --write-baseline {path}") from error
        except UnicodeDecodeError as error:
            raise PolicyError("this baseline is no text", path=str(path)) from error
        changes["baseline"] = baseline.read(text, str(path))
    return replace(chosen, **changes)


def _policy(project: Project, place: Path) -> Document | None:
    """Return the policy at ``place``: of the project, or read now where the paths left it out."""
    for document in project.of(discover.POLICY):
        if not document.user and (project.root / document.path).absolute() == place.absolute():
            return document
    if not place.is_file():
        return None
    alone = Project(project.root)
    load_file(alone, place, shown_path(project.root, place), Kind("nucleus", discover.POLICY))
    return alone.documents[0]


def _render(args: argparse.Namespace, result: Result) -> str:
    if args.format == "concise":
        from nucleus.audit.output import concise

        return concise.render(result)
    if args.format == "json":
        from nucleus.audit.output import json_v1

        return json_v1.render(result)
    if args.format == "sarif":
        from nucleus.audit.output import sarif

        return sarif.render(result, version())
    if args.format == "github":
        from nucleus.audit.output import github

        return github.render(result)
    if args.format == "markdown":
        from nucleus.audit.output import markdown

        return markdown.render(result)
    from nucleus.audit.output import text

    return text.render(result, color=_color(args))


def _color(args: argparse.Namespace) -> bool:
    if args.output or args.color == "never":
        return False
    return args.color == "always" or sys.stdout.isatty()


def _print(args: argparse.Namespace, text: str) -> None:
    if args.output:
        _write(Path(args.output), text.encode("utf-8", "backslashreplace"))
    else:
        sys.stdout.write(text)


def _edit(args: argparse.Namespace, root: Path, project: Project, result: Result, chosen: Settings) -> int:
    """Show or make the edits. After ``--fix`` the status is that of what is left."""
    made = fixes.changes(result.findings, project, unsafe=args.unsafe_fixes)
    if args.diff:
        _print(args, "".join(change.diff() for change in made))
        return 1 if made else 0
    for change in made:
        place = (
            Path.home() / change.source.path[2:] if change.source.path.startswith("~/") else root / change.source.path
        )
        _write(place, encode(change.source, change.text))
        print(f"{change.source.path}: {'; '.join(change.titles)}", file=sys.stderr)
    paths = [Path(path) for path in args.paths] or [Path()]
    again = audit(load(root, paths, home=Path.home() if args.user else None), chosen)
    _print(args, _render(args, again))
    return _status(again, chosen)


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole: a reader sees the old bytes or the new ones. Keeps the mode of a file that is there."""  # noqa: E501  one pattern or table row, one line
    from nucleus.cli.streams import written_into

    if written_into(path, data):
        return
    target = path.resolve()
    if written_into(target, data):
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(mode)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _explain(name: str) -> int:
    if name not in rule_ids():
        from difflib import get_close_matches

        close = get_close_matches(name, rule_ids(), n=1)
        raise Usage(
            f"there is no rule {name!r}; "
            + (f"did you mean {close[0]}?" if close else "nucleus audit --list-rules lists them")
        )
    sys.stdout.write(page(name))
    return 0


def _list_rules() -> int:
    width = max(len(name) for name in rule_ids())
    for rule, _ in rules():
        print(f"{rule.id:<{width}}  {rule.severity.name.lower():<6}  {rule.persona.name.lower():<8}  {rule.title}")
    return 0
