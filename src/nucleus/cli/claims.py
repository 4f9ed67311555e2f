"""``nucleus claims``: what is proved, tested or assumed, and where.

Makes ``claims/manifest.json`` and ``docs/verified-claims.md`` from
``claims/claims.toml`` (what is claimed, in words) and ``claims/evidence.json``
(what ``make prove`` found, for which sources). ``--check`` makes nothing and
says what is not as it should be. Works in a checkout of the source: nothing
of this is in the installed package.

Not done here: proving. A source that changed after the last proof is a
finding, whatever the page says.
"""

import argparse
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from nucleus.cli import Usage
from nucleus.errors import NucleusError

BRIDGES: Final = {
    "proved on running code": "for every input within 62 bits, on the functions that production calls",
    "proved on model": "in Coq, for runs of any length; the model equals the code cell by cell",
    "exhaustive": "every case of a finite space was compared",
    "model-checked": "every order of events to a stated depth, on the function that production calls",
    "tested": "examples, random cases and attacks",
    "assumed": "nothing in this repository shows it",
}
"""What stands between a claim and the program, strongest first."""
REQUIRED: Final = ("id", "statement", "means", "bridge", "artefact", "gap")
OPTIONAL: Final = ("proves", "numbers", "assumes")
MANIFEST: Final = "claims/manifest.json"
PAGE: Final = "docs/verified-claims.md"


class ClaimError(NucleusError):
    """A row of ``claims.toml`` says something that is not so."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if page or evidence are out of date")


def run(args: argparse.Namespace) -> int:
    """Make the page and the manifest, or check them; return 1 if something is out of date."""
    root = checkout(Path.cwd())
    source, evidence = _read(root)
    findings = [*stale(root, evidence)]
    manifest = manifest_of(root, source, evidence)
    wanted = {MANIFEST: _json(manifest), PAGE: page(manifest, source["predecessor"])}
    if args.check:
        findings += [
            f"{name} is not what claims.toml and the evidence give; run: nucleus claims" for name in _old(root, wanted)
        ]
    if findings:
        print("\n".join(findings))
        return 1
    if not args.check:
        for name, text in wanted.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    counts = ", ".join(f"{count} {bridge}" for bridge, count in manifest["counts"].items())
    print(f"{len(manifest['claims'])} claims: {counts}")
    return 0


def checkout(start: Path) -> Path:
    """Return the nearest directory upwards that has the claims. Raises Usage."""
    for folder in (start, *start.parents):
        if (folder / "claims" / "claims.toml").is_file():
            return folder
    raise Usage("no claims/claims.toml here or above: run nucleus claims in a checkout of the source")


def _read(root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = root / "claims"
    try:
        source = tomllib.loads((folder / "claims.toml").read_text(encoding="utf-8"))
        evidence = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ClaimError(f"{error.filename} is missing; run: make prove") from error
    except ValueError as error:
        raise ClaimError(f"{folder}: {error}") from error
    if set(source) != {"predecessor", "claim"} or type(evidence) is not dict:
        raise ClaimError("claims.toml has a predecessor and claims, and nothing else")
    return source, evidence


def stale(root: Path, evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield each source that is not the one that was proved."""
    for name, digest in sorted(evidence["sources"].items()):
        path = root / name
        if not path.is_file() or _digest(path) != digest:
            yield f"{name} changed since the last proof; run: make prove"


def manifest_of(root: Path, source: Mapping[str, Any], evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest. Raises ClaimError for a row that is not complete or names what does not exist."""
    known = {*evidence["properties"], *evidence["controls"], *evidence["obligations"], *evidence["theorems"]}
    rows = [_row(root, claim, evidence, known) for claim in source["claim"]]
    ids = [row["id"] for row in rows]
    if len(set(ids)) != len(ids):
        raise ClaimError(f"a claim stands twice: {sorted({id_ for id_ in ids if ids.count(id_) > 1})}")
    unclaimed = known - {name for row in rows for name in row["proves"]}
    if unclaimed:
        raise ClaimError(f"proved, but in no claim: {sorted(unclaimed)}")
    return {
        "version": 1,
        "kernel": evidence["kernel"],
        "commit": evidence["commit"],
        "tools": evidence["tools"],
        "numbers": evidence["numbers"],
        "counts": {bridge: sum(row["bridge"] == bridge for row in rows) for bridge in BRIDGES},
        "claims": rows,
        "false": evidence["controls"],
    }


def _row(root: Path, claim: Mapping[str, Any], evidence: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    name = claim.get("id", "?")
    missing = [key for key in REQUIRED if not claim.get(key)]
    unknown = [key for key in claim if key not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        raise ClaimError(f"claim {name}: missing {missing}, unknown {unknown}")
    if claim["bridge"] not in BRIDGES:
        raise ClaimError(f"claim {name}: the bridge {claim['bridge']!r} is none of {list(BRIDGES)}")
    strange = [part for part in claim.get("proves", []) if part not in known]
    strange += [number for number in claim.get("numbers", []) if number not in evidence["numbers"]]
    if strange:
        raise ClaimError(f"claim {name}: not in the evidence: {strange}")
    if claim["bridge"].startswith("proved") and not claim.get("proves"):
        raise ClaimError(f"claim {name}: {claim['bridge']}, but it names no proof")
    absent = [path for path in claim["artefact"] if not (root / path).is_file()]
    if absent:
        raise ClaimError(f"claim {name}: no such artefact: {absent}")
    return {
        "id": name,
        "statement": claim["statement"],
        "means": claim["means"],
        "bridge": claim["bridge"],
        "assumes": claim.get("assumes", ""),
        "gap": claim["gap"],
        "proves": {part: evidence["obligations"].get(part, 1) for part in claim.get("proves", [])},
        "numbers": {number: evidence["numbers"][number] for number in claim.get("numbers", [])},
        "artefacts": {path: evidence["sources"].get(path, "") for path in claim["artefact"]},
    }


def page(manifest: Mapping[str, Any], predecessor: str) -> str:
    """Return the page for people."""
    tools = ", ".join(f"{name} {version}" for name, version in manifest["tools"].items())
    lines = [
        "# Verified claims",
        "",
        "<!-- Made by `nucleus claims` from claims/claims.toml and claims/evidence.json. Do not edit. -->",
        "",
        "What Nucleus claims, what that means for you, and what stands behind it. Everything can be run again:",
        "`make prove` (a few minutes) and `nucleus claims --check`, or one name in the column *shown by*:",
        "`python -m proofs NAME`. What is *not* proved is in the same table.",
        "",
        f"Kernel `{manifest['kernel']}` (last changed in commit `{manifest['commit'][:12]}`). Tools: {tools}.",
        "",
        "| bridge | claims | meaning |",
        "|---|---|---|",
        *[f"| {name} | {manifest['counts'][name]} | {meaning} |" for name, meaning in BRIDGES.items()],
        "",
        "| found by the last run | |",
        "|---|---|",
        *[f"| {name.replace('_', ' ')} | {value} |" for name, value in manifest["numbers"].items()],
        "",
        predecessor.strip(),
        "",
        "## Claims",
        "",
        "| claim | what it means for you | bridge | shown by | known gap |",
        "|---|---|---|---|---|",
        *[_line(row) for row in manifest["claims"]],
        "",
        "## Plausible, and false",
        "",
        "A method that can't refute these would prove anything. Each was refuted, and the counterexample replayed.",
        "",
        *[f"- **{name}**: {statement}" for name, statement in manifest["false"].items()],
        "",
    ]
    return "\n".join(lines)


def _line(row: Mapping[str, Any]) -> str:
    proofs = [f"`{name}` ({count})" if count > 1 else f"`{name}`" for name, count in row["proves"].items()]
    numbers = [f"{name.replace('_', ' ')}: {value}" for name, value in row["numbers"].items()]
    files = [f"[{Path(path).name}](../{path}){_short(digest)}" for path, digest in row["artefacts"].items()]
    assumes = f" Assumes: {row['assumes']}." if row["assumes"] else ""
    shown = "; ".join([*proofs, *numbers, *files])
    cells = (f"**{row['id']}** {row['statement']}{assumes}", row["means"], row["bridge"], shown, row["gap"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _short(digest: str) -> str:
    """Return the start of a digest; of a file that no proof is bound to there is none."""
    return f" `{digest[:8]}`" if digest else ""


def _old(root: Path, wanted: Mapping[str, str]) -> list[str]:
    return [
        name
        for name, text in wanted.items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    ]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
