"""The Coq model: its theorems, and the table of its answers.

With Coq here, the model is compiled, each theorem's assumptions are read
back, the oracle is extracted to OCaml, run, and compared with the committed
table. Without Coq, the committed table serves, bound by hashes to the very
sources that it was made from: a changed source without Coq is a failure.
"""

import hashlib
import json
import lzma
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).with_name("coq")
TABLE: Final = FOLDER / "oracle.xz"
BINDING: Final = FOLDER / "oracle.json"
SOURCES: Final = ("Model.v", "Theorems.v", "Oracle.v", "driver.ml")
TOOLS: Final = ("coqc", "ocamlopt")
CLOSED: Final = "Closed under the global context"


class OracleError(Exception):
    """The model does not compile, a theorem rests on an axiom, or the table is not the model's."""


@dataclass(frozen=True)
class Oracle:
    """The table of answers, and how it was come by."""

    table: bytes
    source: str
    """``coq``: made here and now; ``committed``: read, bound by hash."""
    version: str
    theorems: tuple[str, ...]


def load(*, write: bool = False) -> Oracle:
    """Return the oracle: made by Coq if it is installed, else the committed one.

    ``write`` replaces a committed table that is not the one Coq makes; without
    it that is an ``OracleError``.
    """
    if all(shutil.which(tool) for tool in TOOLS):
        made = _make()
        if not _matches(made):
            if not write:
                raise OracleError("proofs/coq/oracle.xz is not what the model gives; run: make prove")
            _commit(made)
        return made
    binding = _binding()
    if binding["sources"] != _hashes():
        raise OracleError("the Coq sources changed and Coq is not installed; run: apt-get install coq")
    table = lzma.decompress(TABLE.read_bytes())
    if hashlib.sha256(table).hexdigest() != binding["table"]:
        raise OracleError("proofs/coq/oracle.xz is not the table that oracle.json names")
    return Oracle(table, "committed", binding["coq"], tuple(binding["theorems"]))


def _make() -> Oracle:
    """Compile the model, check the theorems, extract and run the oracle."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for source in SOURCES:
            shutil.copy(FOLDER / source, place / source)
        _tool(place, "coqc", "-q", "Model.v")
        theorems = _checked(_tool(place, "coqc", "-q", "Theorems.v").decode())
        _tool(place, "coqc", "-q", "Oracle.v")
        _tool(place, "ocamlopt", "-w", "-a", "oracle.mli", "oracle.ml", "driver.ml", "-o", "oracle")
        table = _tool(place, str(place / "oracle"))
        version = _tool(place, "coqc", "--print-version").decode().split()[0]
    return Oracle(table, "coq", version, theorems)


def _checked(output: str) -> tuple[str, ...]:
    """Return the theorems whose assumptions were printed. Raises ``OracleError`` unless each is closed."""
    text = (FOLDER / "Theorems.v").read_text(encoding="utf-8")
    asked = [line.split()[2].rstrip(".") for line in text.splitlines() if line.startswith("Print Assumptions ")]
    stated = [line.split()[1] for line in text.splitlines() if line.startswith("Theorem ")]
    lines = [line for line in output.splitlines() if line.strip()]
    if sorted(asked) != sorted(stated):
        raise OracleError(f"theorems without printed assumptions: {sorted(set(stated) ^ set(asked))}")
    if lines != [CLOSED] * len(asked) or "Admitted" in text or "Axiom" in text:
        raise OracleError(f"a theorem rests on assumptions: {output}")
    return tuple(asked)


def _tool(place: Path, *command: str) -> bytes:
    done = subprocess.run(command, cwd=place, capture_output=True, check=False)
    if done.returncode != 0:
        raise OracleError(f"{command[0]} {command[-1]}: {(done.stderr or done.stdout).decode(errors='replace')}")
    return done.stdout


def _hashes() -> dict[str, str]:
    return {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in SOURCES}


def _binding() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BINDING.read_text(encoding="utf-8"))
    return found


def _matches(made: Oracle) -> bool:
    if not BINDING.exists() or not TABLE.exists():
        return False
    binding = _binding()
    same = binding["sources"] == _hashes() and binding["theorems"] == list(made.theorems)
    return bool(same and lzma.decompress(TABLE.read_bytes()) == made.table)


def _commit(made: Oracle) -> None:
    TABLE.write_bytes(lzma.compress(made.table, preset=9 | lzma.PRESET_EXTREME))
    digest = hashlib.sha256(made.table).hexdigest()
    binding = {"coq": made.version, "sources": _hashes(), "table": digest, "theorems": list(made.theorems)}
    BINDING.write_text(json.dumps(binding, indent=2, sort_keys=True) + "\n", encoding="utf-8")
