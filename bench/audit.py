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
AGENT_SCAN = "snyk-agent-scan==0.6.9"
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
        subprocess.run(command, cwd=tree, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        after = os.times()
        if number:
            walls.append(time.perf_counter() - begin)
            spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(walls), statistics.median(spent)


def nucleus() -> list[str]:
    """Return our own command."""
    return [sys.executable, "-m", "nucleus", "audit", "--format", "concise"]


def tool(name: str, package: str, *words: str) -> list[str]:
    """Return the command of another tool, from the registry where it is not installed; empty where it can't be had."""
    found = shutil.which(name)
    if found is None:
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        if not Path(uv).exists():
            return []
        get = [uv, "tool", "run", "--from", package]
        where = subprocess.run([*get, "which", name], capture_output=True, text=True, check=False)
        found = where.stdout.strip()
    return [found, *words] if found else []


def others() -> list[tuple[str, list[str], str]]:
    """Return label, command and what to know of each tool that is timed on the same tree."""
    return [
        ("zizmor --offline", tool("zizmor", ZIZMOR, "--offline", "--no-exit-codes", "--quiet", "."), "workflows only"),
        (
            "snyk-agent-scan",
            tool("snyk-agent-scan", AGENT_SCAN, "scan", ".", "--json"),
            "asks before it starts the servers that a configuration names; here nobody says yes, and it judges nothing",
        ),
    ]


def main() -> int:
    """Print the table; 1 if the processor's time of our own command is above the budget."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        count = build(tree)
        wall, ours = seconds(nucleus(), tree)
        print(f"{'command':<20}{'files':>6}{'wall s':>9}{'cpu s':>8}{'budget':>8}")
        print(f"{'nucleus audit':<20}{count:>6}{wall:>9.2f}{ours:>8.2f}{BUDGET:>8.1f}")
        for label, command, known in others():
            if not command:
                print(f"{label}: not installed, and the registry could not be reached")
                continue
            wall, spent = seconds(command, tree)
            print(f"{label:<20}{count:>6}{wall:>9.2f}{spent:>8.2f}          {known}")
        print("mcp-scanner: not run: it judges a configuration by starting the servers that it names")
    return 0 if ours <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
