"""What a test may hand to the constructors of a run and of a gate, nothing in the product hands over."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import Module, modules, plant

PASSED_ON = {"None", "BOOTSTRAP", "bootstrap", "bootstrap or BOOTSTRAP", "self._bootstrap", "settings.bootstrap"}
"""The value is the product's own, or what the caller was given: never something that was read or looked up."""
PLACES = {"start": 1, "Network": 5, "Workers": 2}
"""Where among the arguments it stands, for calls that pass it by its place."""
NETWORKS = {"{}", "field(default_factory=dict)", "network", "self._network", "settings.network"}


def reached(found: list[Module]) -> Iterator[str]:
    """Yield each place where a bootstrap, a network or a gate's settings come from anywhere else."""
    for module in found:
        for node in ast.walk(module.tree):
            for name, value in handed(node):
                known = NETWORKS if "network" in name else PASSED_ON
                if ast.unparse(value) not in known:
                    yield f"{module.name}:{value.lineno}: {name} is {ast.unparse(value)}"


def handed(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield what a piece of code gives to whom: by keyword, by place, as a default, by assignment."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        yield from ((called, one.value) for one in node.keywords if one.arg == "bootstrap")
        if called in PLACES and len(node.args) > PLACES[called]:
            yield called, node.args[PLACES[called]]
        if called == "egress" and len(node.args) > 1:
            yield "network of the egress process", node.args[1]
        if called == "run" and ast.unparse(node.func) == "module.run" and (len(node.args) > 1 or node.keywords):
            yield "the command", (node.args[1:] + [one.value for one in node.keywords])[0]
    elif isinstance(node, ast.FunctionDef):
        pairs = [*zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)]
        pairs += [(arg, value) for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value]
        yield from ((f"default of {node.name}", value) for arg, value in pairs if arg.arg == "bootstrap")
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {ast.unparse(one).rpartition(".")[2].strip("_()") for one in targets}
        yield from ((name, node.value) for name in names if name == "bootstrap")


def gates(found: list[Module]) -> list[str]:
    """Return the calls that make a gate's settings with anything in them."""
    return [
        f"{module.name}:{node.lineno}"
        for module in found
        if "nucleus.gate.board import" in module.text and "Settings" in module.text
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "Settings"
        and (node.args or node.keywords)
    ]


def test_no_variable_file_or_flag_reaches_what_a_test_may_hand_over() -> None:
    assert list(reached(modules())) == []
    assert gates(modules()) == []


def test_one_that_did_would_be_found(tmp_path: Path) -> None:
    planted = plant(
        tmp_path,
        {
            "cli/run.py": "def f(args):\n    start(['gate'], Path(os.environ['N_START']))\n",
            "local/network.py": "bootstrap = args.bootstrap\nNetwork(1, 2, 3, 4, 5, named)\n",
            "cli/other.py": "hookhost.ensure(fields, bootstrap=read())\nmodule.run(args, Path(args.start))\n",
            "privileged.py": "egress(3, json.load(file))\n",
            "gate/x.py": "from nucleus.gate.board import Settings\nSettings(network=read())\n",
        },
    )
    assert len(list(reached(planted))) == 6
    assert gates(planted) == ["gate.x:2"]
