"""``python -m proofs [NAME...]``: prove everything and print one line of JSON last, or run single rows again.

Status 0 if all holds; 1 if something does not, and then nothing is written; 2
for a name that no row has.
"""

import json
import subprocess
import sys
import time
from typing import Any

from proofs import evidence, single
from proofs.oracle import OracleError
from proofs.prove import Failed, Report, run
from proofs.symex.values import Trap

LAST = (
    "properties",
    "obligations",
    "controls",
    "mutants",
    "killed",
    "equivalent",
    "survivors",
    "coq",
    "theorems",
    "cells",
    "differential_cases",
    "codec_cases",
    "gate_states",
)


def main() -> int:
    """Prove everything, or the rows that were named, and return the status."""
    if sys.argv[1:]:
        return max(_again(name) for name in sys.argv[1:])
    start, before = time.monotonic(), evidence.sources()
    try:
        report = run(say=lambda line: print(line, flush=True))
        found = evidence.write(report, before)
    except (Failed, OracleError, evidence.Unfit, Trap) as problem:
        print(problem, file=sys.stderr)
        print(json.dumps({"ok": False, "problem": str(problem).splitlines()[0]}))
        return 1
    claims = subprocess.run([sys.executable, "-m", "nucleus", "claims"], cwd=evidence.ROOT, check=False)
    print(json.dumps(_last(report, found, time.monotonic() - start, claims.returncode)))
    return claims.returncode


def _again(name: str) -> int:
    try:
        done, problems = single.run(name)
    except single.UnknownName as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{name}: {'as claimed' if not problems else 'NOT AS CLAIMED'}. {done}")
    print("".join(f"  {problem}\n" for problem in problems), end="")
    return 1 if problems else 0


def _last(report: Report, found: dict[str, Any], seconds: float, claims: int) -> dict[str, Any]:
    numbers = {name: report.numbers[name] for name in LAST}
    return {"ok": claims == 0, **numbers, "seconds": round(seconds, 1), "kernel": found["kernel"]}


if __name__ == "__main__":
    sys.exit(main())
