"""The GitHub Action: its scripts are run, against a code host that is a program of this test."""

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.audit.output.markdown import MARKER
from nucleus.audit.read.yaml_reader import read_yaml

ROOT = Path(__file__).resolve().parents[2]
HOST = '''\
#!{python}
"""A code host: comments in one file, uploads in another, every call in a third."""
import json, pathlib, re, sys

state = pathlib.Path({state!r})
words = sys.argv[1:]
with open(state / "calls", "a") as calls:
    calls.write(" ".join(words) + "\\n")
place = next(word for word in words if word.startswith("repos/"))
method = words[words.index("--method") + 1] if "--method" in words else "GET"
body = None
if "--input" in words:
    name = words[words.index("--input") + 1]
    body = json.loads(sys.stdin.read() if name == "-" else pathlib.Path(name).read_text())
comments = json.loads((state / "comments").read_text())
if place.endswith("/sarifs"):
    (state / "sarif").write_text(json.dumps(body))
elif method == "GET":
    marker = re.search(r'startswith\\("(.*?)"\\)', words[words.index("--jq") + 1])[1]
    for one in comments:
        if one["user"]["type"] == "Bot" and one["body"].startswith(marker):
            print(one["id"])
elif method == "POST":
    comments.append({{"id": 100 + len(comments), "user": {{"type": "Bot"}}, **body}})
elif method == "PATCH":
    next(one for one in comments if str(one["id"]) == place.rsplit("/", 1)[1]).update(body)
(state / "comments").write_text(json.dumps(comments))
'''
STAND_IN = """\
#!/bin/sh
# A python3 that makes a directory of programs which write down how they were called.
echo "$@" >> {state}/pip
if [ "$1" = "-m" ] && [ "$2" = "venv" ]; then
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    cp "$0" "$3/bin/nucleus"
fi
"""


class Runner:
    """A runner's environment: a workspace, files for outputs, programs on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.programs = folder / "programs"
        for place in (self.workspace, self.programs, folder / "nucleus" / "bin"):
            place.mkdir(parents=True)
        # A program that starts the installed one: never a link, through which a script could write.
        installed = folder / "nucleus" / "bin" / "nucleus"
        installed.write_text(f'#!/bin/sh\nexec {Path(sys.executable).with_name("nucleus")} "$@"\n')
        installed.chmod(0o755)
        (folder / "comments").write_text(json.dumps([{"id": 1, "user": {"type": "User"}, "body": MARKER}]))
        self.program("gh", HOST.format(python=sys.executable, state=str(folder)))
        (self.workspace / ".mcp.json").write_text('{"mcpServers": {"x": {"command": "npx", "args": ["-y", "gizmo"]}}}')

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def run(self, script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run one script of the action, as its step does."""
        return subprocess.run(
            ["sh", str(ROOT / "action" / script)],
            cwd=self.workspace,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
            env={
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "RUNNER_TEMP": str(self.folder),
                "GITHUB_ACTION_PATH": str(ROOT),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
                "GITHUB_REPOSITORY": "owner/name",
                "GITHUB_SHA": "0" * 40,
                "GITHUB_REF": "refs/pull/7/merge",
                **environment,
            },
        )

    def outputs(self) -> dict[str, str]:
        """Return what the step gave to those after it."""
        return dict(line.split("=", 1) for line in (self.folder / "output").read_text().splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_the_audit_annotates_and_leaves_the_verdict_to_the_last_step(runner: Runner) -> None:
    """Reports are handed on before the job fails."""
    ended = runner.run("audit", FAIL_ON="low")
    assert ended.returncode == 0, ended.stderr
    assert "::notice file=.mcp.json,line=1" in ended.stdout
    assert runner.outputs()["status"] == "1"
    assert (runner.folder / "summary").read_text().startswith(MARKER)
    assert json.loads(Path(runner.outputs()["sarif"]).read_text())["version"] == "2.1.0"


def test_findings_below_the_level_do_not_fail(runner: Runner) -> None:
    runner.run("audit", FAIL_ON="high")
    assert runner.outputs()["status"] == "0"


@pytest.mark.parametrize("paths", ["gone", "--output=x"])
def test_a_wrong_path_fails_at_once(runner: Runner, paths: str) -> None:
    assert runner.run("audit", PATHS=paths).returncode == 2
    assert not (runner.folder / "output").exists()


def test_paths_are_not_expanded_by_the_shell(runner: Runner) -> None:
    """``*`` in an input is a name, not everything."""
    assert runner.run("audit", PATHS="*").returncode == 2


def test_the_report_is_uploaded_packed(runner: Runner) -> None:
    runner.run("audit")
    ended = runner.run("upload")
    assert ended.returncode == 0, ended.stderr
    sent = json.loads((runner.folder / "sarif").read_text())
    assert (sent["commit_sha"], sent["ref"]) == ("0" * 40, "refs/pull/7/merge")
    assert json.loads(gzip.decompress(base64.b64decode(sent["sarif"])))["version"] == "2.1.0"


def test_one_comment_is_made_and_then_changed(runner: Runner) -> None:
    """A comment of a person that looks the same is left alone."""
    for _ in range(2):
        runner.run("audit")
        ended = runner.run("comment", NUMBER="7")
        assert ended.returncode == 0, ended.stderr
        (runner.workspace / ".mcp.json").write_text("{}")
    comments = json.loads((runner.folder / "comments").read_text())
    assert [one["id"] for one in comments] == [1, 101]
    assert comments[0]["body"] == MARKER
    assert "nothing found" in comments[1]["body"]
    assert "PATCH repos/owner/name/issues/comments/101" in (runner.folder / "calls").read_text()


def test_without_a_pull_request_there_is_no_comment(runner: Runner) -> None:
    runner.run("audit")
    assert runner.run("comment", NUMBER="").returncode == 0
    assert not (runner.folder / "calls").exists()


def test_the_checkout_or_exactly_the_named_version_is_installed(runner: Runner) -> None:
    runner.program("python3", STAND_IN.format(state=runner.folder))
    assert runner.run("install").returncode == 0
    assert runner.run("install", VERSION="0.1.0").returncode == 0
    assert runner.run("install", VERSION="0.1.0 --index-url=https://evil.example").returncode == 2
    installs = [line for line in (runner.folder / "pip").read_text().splitlines() if " install " in line]
    assert [line.rsplit(" ", 1)[1] for line in installs] == [str(ROOT), "nucleus-runtime==0.1.0"]


def test_the_action_names_these_scripts_and_pastes_no_input_into_a_command() -> None:
    """An expression inside of ``run`` would be program text; inputs go by environment."""
    (action,) = read_yaml((ROOT / "action.yml").read_text("utf-8")).roots
    steps = action.at("runs", "steps")
    assert steps is not None
    commands = [run.text() for step in steps.elements() if (run := step.get("run")) is not None]
    named = [name for text in commands for name in re.findall(r"/action/(\w+)", text)]
    assert named == [
        "install",
        "audit",
        "upload",
        "comment",
    ]
    assert [text for text in commands if "${{" in text] == []
    assert all(step.get("uses") is None for step in steps.elements())
