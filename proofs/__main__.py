"""``python -m proofs``: prove everything, print one line of JSON last.

Status 0 if all holds; 1 if something does not, and then nothing is written.
"""

import json
import subprocess
import sys
import time
from typing import Any

from proofs import evidence
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
    """Prove everything and return the status."""
    start = time.monotonic()
    try:
        report = run(say=lambda line: print(line, flush=True))
        found = evidence.write(report)
    except (Failed, OracleError, evidence.Fallen, Trap) as problem:
        print(problem, file=sys.stderr)
        print(json.dumps({"ok": False, "problem": str(problem).splitlines()[0]}))
        return 1
    claims = subprocess.run([sys.executable, "-m", "nucleus", "claims"], cwd=evidence.ROOT, check=False)
    print(json.dumps(_last(report, found, time.monotonic() - start, claims.returncode)))
    return claims.returncode


def _last(report: Report, found: dict[str, Any], seconds: float, claims: int) -> dict[str, Any]:
    numbers = {name: report.numbers[name] for name in LAST}
    return {"ok": claims == 0, **numbers, "seconds": round(seconds, 1), "kernel": found["kernel"]}


if __name__ == "__main__":
    sys.exit(main())
