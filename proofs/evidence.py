"""What a complete run leaves behind: the kernel's pin, the evidence, and the ratchet.

``claims/evidence.json`` holds what was found, for which sources, with which
tools; nothing in it depends on the machine or the hour. ``claims/ratchet.json``
holds the best so far: a run that finds less fails.
"""

import hashlib
import json
import os
import platform
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import bitwuzla  # type: ignore[import-not-found]
import z3  # type: ignore[import-untyped]

from nucleus.gate.kernel_hash import PIN, kernel_hash, manifest
from proofs.controls import CONTROLS
from proofs.gate_model import CONTROLS as GATE_CONTROLS
from proofs.kernels import FOLDER
from proofs.properties import PROPERTIES
from proofs.prove import Report

ROOT: Final = Path(__file__).resolve().parents[1]
CLAIMS: Final = ROOT / "claims" / "claims.toml"
EVIDENCE: Final = ROOT / "claims" / "evidence.json"
RATCHET: Final = ROOT / "claims" / "ratchet.json"
SUFFIXES: Final = {".py", ".v", ".ml", ".xz", ".json", ".jsonl", ".toml"}
RISING: Final = (
    "properties",
    "functions",
    "controls",
    "witnesses",
    "sabotages",
    "theorems",
    "cells",
    "nu_authorities",
    "differential_cases",
    "codec_cases",
    "codec_corpus",
    "corpus",
    "mutation_score",
    "claims",
)
"""Numbers that may only rise."""


class Unfit(Exception):  # noqa: N818  a finding, not an error of the program
    """A number of the ratchet fell, or a source changed during the run."""


def write(report: Report, before: dict[str, str]) -> dict[str, Any]:
    """Write pin, evidence and ratchet after a complete run; return the evidence.

    ``before`` is what ``sources`` said when the run began. Raises ``Unfit``; nothing is written then.
    """
    if sources() != before:
        raise Unfit("a source changed during the run: what was proved is not what is there")
    numbers = dict(report.numbers)
    numbers["mutation_score"] = 100 * (numbers["killed"] + numbers["equivalent"]) // numbers["mutants"]
    best = json.loads(RATCHET.read_text(encoding="utf-8")) if RATCHET.exists() else {}
    numbers["claims"] = len(tomllib.loads(CLAIMS.read_text(encoding="utf-8"))["claim"])
    fallen = [f"{name}: {numbers[name]}, was {best[name]}" for name in RISING if best.get(name, 0) > numbers[name]]
    if fallen:
        raise Unfit("; ".join(fallen))
    PIN.write_text(manifest(), encoding="ascii")
    evidence = {
        "kernel": kernel_hash(),
        "commit": _commit(),
        "sources": before,
        "tools": {
            "z3": z3.get_version_string(),
            "bitwuzla": str(bitwuzla.version()),
            "coq": numbers.pop("coq_version"),
            "python": ".".join(platform.python_version_tuple()[:2]),
            "nucleus": metadata.version("nucleus-runtime"),
        },
        "numbers": {name: numbers[name] for name in sorted(numbers) if name not in {"coq", "claims"}},
        "obligations": dict(sorted(report.claims.items())),
        "theorems": list(report.theorems),
        "properties": {found.name: found.statement for found in PROPERTIES},
        "controls": {control.name: control.statement for control in CONTROLS}
        | dict.fromkeys(GATE_CONTROLS, "See proofs/gate_model.py."),
    }
    _dump(EVIDENCE, evidence)
    _dump(RATCHET, {name: max(best.get(name, 0), numbers[name]) for name in RISING})
    return evidence


def sources() -> dict[str, str]:
    """Return the SHA-256 of every file that the run depends on, by path."""
    files = [*FOLDER.glob("*.py"), *(ROOT / "proofs").rglob("*")]
    files += [
        ROOT / "src/nucleus/gate" / name
        for name in ("core.py", "approvals.py", "events.py", "flights.py", "records.py")
    ]
    kept = [path for path in files if path.suffix in SUFFIXES and path.name != "ruff.toml"]
    return {path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(kept)}


def _commit() -> str:
    """Return the last commit that touched the kernel, "unknown" without git."""
    command = ("git", "log", "-1", "--format=%H", "--", "src/nucleus/kernel")
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=_environment())
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def _dump(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
