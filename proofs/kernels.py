"""The kernel under proof: the production modules, or a mutated copy of them."""

import importlib
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nucleus.kernel

FOLDER: Final = Path(str(nucleus.kernel.__file__)).parent
MODULES: Final = ("capability", "exposure", "state", "facts", "decide", "delegate", "boundary")
"""In the order of their imports."""


@dataclass(frozen=True)
class Kernel:
    """The modules of one kernel."""

    capability: types.ModuleType
    exposure: types.ModuleType
    state: types.ModuleType
    facts: types.ModuleType
    decide: types.ModuleType
    delegate: types.ModuleType
    boundary: types.ModuleType


def production() -> Kernel:
    """Return the modules that production imports; not copies of them."""
    return Kernel(**{name: importlib.import_module(f"nucleus.kernel.{name}") for name in MODULES})


def source(name: str) -> str:
    """Return the source of a kernel module."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def variant(name: str, code: types.CodeType) -> Kernel:
    """Return a kernel in which module ``name`` is ``code``, and its importers see that one.

    Modules that stand before ``name`` in the import order are the production ones.
    """
    first = MODULES.index(name)
    kept = {key: sys.modules.get(key) for key in (f"nucleus.kernel.{n}" for n in MODULES[first:])}
    parent = sys.modules["nucleus.kernel"]
    attributes = {n: getattr(parent, n) for n in MODULES if hasattr(parent, n)}
    built = {n: importlib.import_module(f"nucleus.kernel.{n}") for n in MODULES[:first]}
    try:
        for n in MODULES[first:]:
            module = types.ModuleType(f"nucleus.kernel.{n}")
            sys.modules[module.__name__] = module
            setattr(parent, n, module)
            exec(code if n == name else _compiled(n), module.__dict__)  # noqa: S102  the kernel's own text, mutated
            built[n] = module
    finally:
        for key, old in kept.items():
            if old is not None:
                sys.modules[key] = old
        for n, value in attributes.items():
            setattr(parent, n, value)
    return Kernel(**built)


_CODE: Final[dict[str, types.CodeType]] = {}


def _compiled(name: str) -> types.CodeType:
    if name not in _CODE:
        _CODE[name] = compile(source(name), f"nucleus/kernel/{name}.py", "exec")
    return _CODE[name]
