"""Finds the vocabulary of effects in a syntax tree."""

import ast
from collections.abc import Iterator

from tests.house.source import SRC, Module

MODULES = {
    "process": {"subprocess", "_posixsubprocess", "multiprocessing", "pty", "concurrent", "webbrowser"},
    "network": {"socket", "_socket", "socketserver", "ssl", "http", "urllib.request", "ftplib", "smtplib", "xmlrpc"},
    "write": {"shutil", "tempfile", "sqlite3", "dbm", "shelve", "zipfile", "tarfile", "fileinput"},
    "native": {"ctypes", "_ctypes", "mmap", "cffi", "posix", "nt"},
    "dynamic": {"runpy", "code", "pickle", "marshal"},
}
"""Importing one of these, or what lies below it, is the effect."""

PURE = {"http.HTTPStatus", "concurrent.futures.Future"}

OS_NAMES = {
    "process": {
        *("system", "popen", "fork", "forkpty", "kill", "killpg", "abort", "posix_spawn", "posix_spawnp"),
        *("execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe", "startfile"),
        *("spawnl", "spawnle", "spawnlp", "spawnlpe", "spawnv", "spawnve", "spawnvp", "spawnvpe"),
        *("setuid", "setgid", "setresuid", "setresgid", "setgroups", "unshare", "setns", "chroot", "setsid", "nice"),
    },
    "write": {
        *("write", "pwrite", "writev", "pwritev", "sendfile", "copy_file_range", "splice", "truncate", "ftruncate"),
        *("unlink", "remove", "rename", "renames", "replace", "rmdir", "removedirs", "mkdir", "makedirs"),
        *("link", "symlink", "mkfifo", "mknod", "chmod", "fchmod", "lchmod", "chown", "fchown", "lchown", "utime"),
        *("setxattr", "removexattr", "memfd_create", "posix_fallocate", "dup2"),
    },
}
READING_FLAGS = {"O_RDONLY", "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY", "O_PATH", "O_NONBLOCK", "O_NOCTTY", "O_NOATIME"}
METHODS = {
    "write": {
        *("write_text", "write_bytes", "touch", "mkdir", "unlink", "rmdir", "symlink_to", "hardlink_to", "chmod"),
        *("lchmod", "rename"),
    },
    "network": {"open_connection", "start_server", "open_unix_connection", "start_unix_server", "create_connection"},
    "process": {"create_subprocess_exec", "create_subprocess_shell", "pidfd_send_signal"},
}
"""Methods of paths, of asyncio and of signal, whatever object they are called on."""
BUILTINS = {"dynamic": {"exec", "eval", "compile", "__import__"}}


def effects(module: Module) -> Iterator[tuple[int, str, str]]:
    """Yield (line, group, word) for each word of the vocabulary."""
    aliases = _aliases(module.tree)
    constants = _constants(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _import(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield from _grouped(node.lineno, OS_NAMES, node.attr)
        elif isinstance(node, ast.Call):
            yield from _call(node, aliases, constants)


def _aliases(tree: ast.Module) -> set[str]:
    """Return the names under which ``os`` is known."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    return {alias.asname or alias.name for node in imports for alias in node.names if alias.name == "os"}


def _grouped(line: int, table: dict[str, set[str]], word: str) -> Iterator[tuple[int, str, str]]:
    yield from ((line, group, word) for group, words in table.items() if word in words)


def _import(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str, str]]:
    if isinstance(node, ast.ImportFrom) and node.level:
        return
    base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        name = base + alias.name
        if name in PURE:
            continue
        for group, words in MODULES.items():
            if any(name == word or name.startswith(word + ".") for word in words):
                yield node.lineno, group, name
        if base == "os.":
            yield from _grouped(node.lineno, OS_NAMES, alias.name)
            if alias.name == "open":
                yield node.lineno, "write", name


def _call(node: ast.Call, os_names: set[str], constants: dict[str, ast.expr]) -> Iterator[tuple[int, str, str]]:
    function = node.func
    if isinstance(function, ast.Name):
        yield from _grouped(node.lineno, BUILTINS, function.id)
        if function.id == "open" and _writes(node, 1):
            yield node.lineno, "write", "open"
        if function.id == "import_module" and not _literal(node, 0):
            yield node.lineno, "dynamic", "import_module"
        if function.id == "getattr" and node.args and _named(node.args[0]) in os_names:
            name = node.args[1].value if _literal(node, 1) else "?"  # type: ignore[attr-defined]
            groups = {group for group, words in OS_NAMES.items() if name in words or name == "?"}
            yield from ((node.lineno, group, f"getattr os.{name}") for group in sorted(groups))
    elif isinstance(function, ast.Attribute):
        yield from _method(node, function, os_names, constants)


def _method(
    node: ast.Call, function: ast.Attribute, os_names: set[str], constants: dict[str, ast.expr]
) -> Iterator[tuple[int, str, str]]:
    word = function.attr
    owner = _named(function.value)
    if owner in os_names:
        if word == "open" and not _reads(node, constants):
            yield node.lineno, "write", "os.open"
        if word == "fdopen" and _writes(node, 1):
            yield node.lineno, "write", "os.fdopen"
        return
    yield from _grouped(node.lineno, METHODS, word)
    if word == "open" and _writes(node, 1 if owner in {"io", "codecs", "gzip", "lzma", "bz2"} else 0):
        yield node.lineno, "write", "open"
    if word == "import_module" and not _literal(node, 0):
        yield node.lineno, "dynamic", word
    # Path.replace takes one argument, str.replace two, dataclasses.replace and datetime.replace keywords.
    if word == "replace" and len(node.args) == 1 and not node.keywords:
        yield node.lineno, "write", word


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _literal(node: ast.Call, index: int) -> bool:
    if len(node.args) <= index:
        return False
    value = node.args[index]
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _writes(node: ast.Call, index: int) -> bool:
    """Whether a call of open can write: a mode that says so, or that can't be read here."""
    modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"] + node.args[index : index + 1]
    if any(keyword.arg is None for keyword in node.keywords):
        return True
    if not modes:
        return False
    mode = modes[0]
    return not isinstance(mode, ast.Constant) or (isinstance(mode.value, str) and bool(set(mode.value) & set("wax+")))


def _reads(node: ast.Call, constants: dict[str, ast.expr]) -> bool:
    """Whether the flags of an ``os.open`` are spelled out and can only read."""
    flags = node.args[1:2] + [keyword.value for keyword in node.keywords if keyword.arg == "flags"]
    return bool(flags) and _reading(flags[0], constants)


def _reading(flags: ast.expr, constants: dict[str, ast.expr]) -> bool:
    match flags:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _reading(left, constants) and _reading(right, constants)
        case ast.Attribute(value=ast.Name(id="os"), attr=name):
            return name in READING_FLAGS
        case ast.Call(
            func=ast.Name(id="getattr"), args=[ast.Name(id="os"), ast.Constant(value=name), ast.Constant(value=0)]
        ):
            return name in READING_FLAGS
        case ast.Name(id=name) if name in constants:
            return _reading(constants[name], {key: value for key, value in constants.items() if key != name})
        case _:
            return False


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what the module's names in capitals are assigned, here or where they are imported from."""
    found = _assigned(tree)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("nucleus."):
            path = SRC.joinpath(*str(node.module).split(".")).with_suffix(".py")
            if path.is_file() and any(alias.name.isupper() for alias in node.names):
                found = _assigned(ast.parse(path.read_text(encoding="utf-8"))) | found
    return found


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what is assigned to names in capitals at the top of a module; None for one that is assigned twice."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id.isupper() and isinstance(value, ast.expr):
            found[target.id] = ast.Constant(value=None) if target.id in found else value
    return found
