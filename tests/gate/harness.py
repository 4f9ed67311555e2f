"""A real gate process with a resolver, a CA and an approver of the test's own.

These three are constructor arguments of the gate. The product has no
variable, file or flag that sets them, so the test brings its own few lines
of start-up in place of ``privileged.py``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nucleus.gate.spawn import BOOTSTRAP, Spawned, start

SCRIPT = """
import importlib.util, json, sys

spec = importlib.util.spec_from_file_location("privileged", {bootstrap!r})
privileged = importlib.util.module_from_spec(spec)
spec.loader.exec_module(privileged)
privileged.complete_path({bootstrap!r})

from nucleus.gate.board import Settings
from nucleus.gate.hardening import LATE, freeze_imports, not_dumpable
from nucleus.gate.server import serve

ANSWERS = json.loads({answers!r})

def approver(question):
    with open({seen!r}, "a", encoding="utf-8") as file:
        file.write(json.dumps(question) + "\\n")
    return ANSWERS.get(question["kind"], ANSWERS.get("*"))

settings = Settings(network=json.loads({network!r}), approver=approver if ANSWERS else None)
not_dumpable()
freeze_imports([*LATE, *privileged.LAZY])
sys.exit(serve(int(sys.argv[-1]), settings))
"""


def start_gate(
    folder: Path, *, network: Mapping[str, Any] | None = None, answers: Mapping[str, bool] | None = None
) -> Spawned:
    """Start a gate. ``answers`` maps a kind of call, or ``*``, to the scripted approver's answer."""
    script = folder / "gate_process.py"
    script.write_text(
        SCRIPT.format(
            bootstrap=str(BOOTSTRAP),
            answers=json.dumps(dict(answers or {})),
            seen=str(questions_file(folder)),
            network=json.dumps(dict(network or {})),
        ),
        encoding="utf-8",
    )
    return start(["gate"], script)


def questions_file(folder: Path) -> Path:
    """Return the file into which the scripted approver writes each question it was shown."""
    return folder / "questions.jsonl"
