"""Speed of ``nucleus audit`` on 338 files, beside another linter on the same tree.

``python -m bench.audit`` prints one table. The tree is the collection of real
configurations, copied until it has 338 files, where it lies beside the project;
else files that are written here. zizmor reads the workflows of the tree only.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = 338
ROUNDS = 5
BUDGET = 1.5
"""Seconds for the whole command, its start included; the aim is a third of it."""
ZIZMOR = "zizmor==1.32.0"
COLLECTION = Path(__file__).resolve().parents[2] / "shared" / "data" / "agent_configs" / "files"


def build(tree: Path) -> int:
    """Fill ``tree`` with 338 files and return how many were made."""
    if not COLLECTION.is_dir():
        return written(tree)
    sources = sorted(path for path in COLLECTION.rglob("*") if path.is_file())
    for number in range(FILES):
        source = sources[number % len(sources)]
        place = tree / str(number // len(sources)) / source.relative_to(COLLECTION)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
    return FILES


def written(tree: Path) -> int:
    """Fill ``tree`` with made-up files of the usual kinds."""
    rules = [f"Bash(tool{number} run *)" for number in range(40)] + ["Bash(curl:*)", "Read"]
    servers = {f"s{number}": {"command": "npx", "args": ["-y", f"server-{number}"]} for number in range(6)}
    step = "      - uses: anthropics/claude-code-action@v1\n        with:\n          prompt: Review ${{ github.sha }}\n"
    workflow = "on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n" + step * 8
    kinds = (
        (".mcp.json", json.dumps({"mcpServers": servers}, indent=2)),
        (".claude/settings.json", json.dumps({"permissions": {"allow": rules}}, indent=2)),
        ("CLAUDE.md", "# Style\n\n" + "Write tests first, then the code.\n" * 60),
        (".github/workflows/agent.yml", workflow),
    )
    for number in range(FILES):
        path, text = kinds[number % len(kinds)]
        place = tree / f"p{number}" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return FILES


def seconds(command: list[str], tree: Path) -> tuple[float, float]:
    """Return the medians of several whole runs, on the clock and of the processor, after one that warms caches."""
    walls, spent = [], []
    for number in range(ROUNDS + 1):
        begin, before = time.perf_counter(), os.times()
        subprocess.run(command, cwd=tree, capture_output=True, check=False)
        after = os.times()
        if number:
            walls.append(time.perf_counter() - begin)
            spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(walls), statistics.median(spent)


def nucleus() -> list[str]:
    """Return our own command."""
    return [sys.executable, "-m", "nucleus", "audit", "--format", "concise"]


def zizmor() -> list[str]:
    """Return zizmor's command, offline, from the registry where it is not installed; empty where it can't be had."""
    found = shutil.which("zizmor")
    if found is None:
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        if not Path(uv).exists():
            return []
        get = [uv, "tool", "run", "--from", ZIZMOR]
        where = subprocess.run([*get, "which", "zizmor"], capture_output=True, text=True, check=False)
        found = where.stdout.strip()
    return [found, "--offline", "--no-exit-codes", "--quiet", "."] if found else []


def main() -> int:
    """Print the table; 1 if the processor's time of our own command is above the budget."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        count = build(tree)
        wall, ours = seconds(nucleus(), tree)
        print(f"{'command':<20}{'files':>6}{'wall s':>9}{'cpu s':>8}{'budget':>8}")
        print(f"{'nucleus audit':<20}{count:>6}{wall:>9.2f}{ours:>8.2f}{BUDGET:>8.1f}")
        other = zizmor()
        if other:
            workflows = sum(path.parent.name == "workflows" for path in tree.rglob("*.y*ml"))
            wall, spent = seconds(other, tree)
            print(f"{'zizmor --offline':<20}{workflows:>6}{wall:>9.2f}{spent:>8.2f}")
        else:
            print("zizmor --offline: not installed, and the registry could not be reached")
        for name in ("snyk-agent-scan", "mcp-scanner"):
            print(f"{name}: not run: it starts the servers that a configuration names, or asks its service")
    return 0 if ours <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
