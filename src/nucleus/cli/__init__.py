"""The command line: the composition root, one module for each sub-command.

Adding a command: a row in ``COMMANDS`` and a module ``nucleus.cli.<module>`` with

``configure(parser)``  add arguments; ``parser.get_default("command")`` is the
                       name it was called by, for a module with several names
``run(args) -> int``   do it and return the exit status

A module is imported only when its command is called, so ``nucleus --help``
stays fast. A command raises errors of ``nucleus.errors`` and ``OSError``; here
they become lines on stderr and an exit status. No traceback is ever printed.

Statuses: 0 fine, 1 finding or refusal, 2 usage, a missing path, or an error of
our own. ``run`` and ``hook`` have their own column (``STATUSES``), since a
status of theirs is read by another program as a verdict.
"""

import argparse
import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from typing import IO, NoReturn

from nucleus import errors

PROGRAM = "nucleus"
COMMANDS = {
    "demo": ("demo", "watch a scripted hostile agent fail, judged at the sinks"),
    "doctor": ("doctor", "what works on this machine, what does not, the exact fix"),
    "init": ("init", "write a first nucleus.toml for this repository"),
    "run": ("run", "run a command in a box with a transactional workspace"),
    "runs": ("runs", "list the runs whose changes wait for you"),
    "diff": ("diff", "show what a run wants to change"),
    "apply": ("apply", "bring the changes of a run into the workspace"),
    "discard": ("discard", "throw the changes of a run away"),
    "approvals": ("approvals", "show the questions that wait for an answer"),
    "approve": ("approvals", "answer yes, once, for exactly the call shown"),
    "deny": ("approvals", "answer no; the same call stays denied"),
    "why": ("why", "which rule decided, where it stands, what would change it"),
    "policy": ("policy", "check, show, compare, test and trust policies"),
    "session": ("session", "list principals, or open a fresh one"),
    "lockdown": ("lockdown", "stop every principal at once"),
    "trace": ("trace", "verify, replay, show and export traces"),
    "mcp": ("mcp", "mediate MCP servers"),
    "hook": ("hook", "mediate a client's tool hooks"),
    "audit": ("audit", "find what an agent could do here, without running anything"),
    "observe": ("observe", "write the smallest policy for what a command did"),
    "token": ("token", "mint, attenuate, inspect and verify authority tokens"),
    "serve": ("serve", "the gate as a service"),
    "vm": ("vm", "build and pool virtual machines"),
    "claims": ("claims", "what is proved, tested or assumed, and where"),
    "completion": ("completion", "print a completion script for a shell"),
}
"""Name -> (module, one line of help). In the order in which help shows them."""

STATUSES = {
    #            refused  cannot  usage  failed  stopped
    "run": (78, 78, 64, 78, 130),
    "hook": (2, 2, 2, 2, 2),
    "": (1, 1, 2, 2, 130),
}
"""Exit status per command: the effect was refused or something was found; a
mechanism is missing; the call was wrong; an error of ours or of the system;
interrupted. "run": nothing was run is 78. "hook": clients treat any status
but 2 as "go on"."""
REFUSED, CANNOT, USAGE, FAILED, STOPPED = range(5)
PIPE_CLOSED = 141
"""128 + SIGPIPE, what a shell shows for a program whose reader went away."""


class Usage(Exception):  # noqa: N818  it names the exit status
    """The call was wrong: what, and what to write instead. Commands may raise it."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status. Raises nothing."""
    words = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        # A name on disk may hold bytes that the terminal's encoding lacks.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        before, name, after = split(words)
    except Usage as error:
        _say(str(error))
        return _status("", USAGE)
    status = _guarded(before, name, after)
    return _flushed(name, status)


def split(words: list[str]) -> tuple[list[str], str, list[str]]:
    """Return the global options, the command's name ("" for none) and its own words.

    Raises Usage where an option that takes a value has none.
    """
    index = 0
    while index < len(words):
        word = words[index]
        if not word.startswith("-") or word == "-":
            return words[:index], word, words[index + 1 :]
        if word in {"--state", "--color"}:
            index += 1
            if index == len(words):
                raise Usage(f"{word} needs a value; see: {PROGRAM} --help")
        index += 1
    return words, "", []


def available() -> dict[str, tuple[str, str]]:
    """Return the rows of ``COMMANDS`` whose module is part of this version."""
    here = [os.path.dirname(__file__)]
    found = {module: PathFinder.find_spec(f"{__name__}.{module}", here) for module, _ in COMMANDS.values()}
    return {name: row for name, row in COMMANDS.items() if found[row[0]] is not None}


def command_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command, with the global options allowed after its name too."""
    module, line = COMMANDS[name]
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}",
        description=line[0].upper() + line[1:] + ".",
        allow_abbrev=False,
        parents=[_options(argparse.SUPPRESS)],
        formatter_class=_formatter,
    )
    parser.set_defaults(command=name)
    import_module(f"{__name__}.{module}").configure(parser)
    return parser


def shared() -> argparse.ArgumentParser:
    """Return the global options, for ``parents`` of a command's own sub-parsers: they are allowed there too."""
    return _options(argparse.SUPPRESS)


def _guarded(before: list[str], name: str, after: list[str]) -> int:
    """Run the command; whatever it raises becomes a line on stderr and a status."""
    try:
        return _run(before, name, after)
    except SystemExit as end:
        # argparse ends this way: 0 after --help, 2 after a wrong call.
        return 0 if end.code in {0, None} else _status(name, USAGE)
    except KeyboardInterrupt:
        return _failed(name, STOPPED, "interrupted")
    except BrokenPipeError:
        return _reader_gone(name)
    except (Usage, errors.NucleusError, OSError) as error:
        return _failed(name, *_told(error))
    except Exception as error:  # noqa: BLE001  the last stop: anything unforeseen is told in one line
        return _failed(name, FAILED, _internal(name, error))


def _told(error: Usage | errors.NucleusError | OSError) -> tuple[int, str]:
    """Return the column of ``STATUSES`` and the text for an error that was raised on purpose."""
    match error:
        case errors.CannotEnforce():
            return CANNOT, error.diagnostics()
        case errors.NoSession():
            return USAGE, error.diagnostics()
        case errors.NucleusError():
            return REFUSED, error.diagnostics()
        case FileNotFoundError() if error.filename is None and not _is_somewhere():
            return FAILED, "the current directory is gone; nothing was run\n  fix: cd to a directory that is there"
        case OSError():
            place = f"{error.filename}: " if error.filename is not None else ""
            return FAILED, f"{place}{error.strerror or error}"
        case _:
            return USAGE, str(error)


def _is_somewhere() -> bool:
    """Whether the current directory has a path: one that was removed has none."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _run(before: list[str], name: str, after: list[str]) -> int:
    options = _options(None)
    options.usage = f"{PROGRAM} [options] COMMAND ..."
    args = options.parse_args(before)
    if args.version:
        print(f"{PROGRAM} {version()}")
        return 0
    if args.help or not name:
        _help(options, sys.stdout if args.help else sys.stderr)
        return 0 if args.help else _status(name, USAGE)
    if name not in available():
        _unknown(name)
        return _status(name, CANNOT if name in COMMANDS else USAGE) if name in STATUSES else _status("", USAGE)
    args = _parsed(command_parser(name), after, _mirrored(args))
    module = import_module(f"{__name__}.{COMMANDS[name][0]}")
    status = module.run(args)
    if type(status) is not int:
        raise TypeError(f"{module.__name__}.run returned {type(status).__name__}")
    return status


def _parsed(parser: argparse.ArgumentParser, words: list[str], args: argparse.Namespace) -> argparse.Namespace:
    """Parse a command's words. Those behind ``--`` go to ``picked`` as they are, for a parser that has it."""
    if parser.get_default("picked") is None:
        return parser.parse_args(words, args)
    end = words.index("--") if "--" in words else len(words)
    args = parser.parse_args(words[:end], args)
    if args.picked:
        raise Usage(f"paths stand behind --: -- {' '.join(args.picked)}")
    args.picked = words[end + 1 :]
    return args


def version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import version as installed

    return installed("nucleus-runtime")


def _options(default: str | None) -> argparse.ArgumentParser:
    """Return the parser of the options that every command has.

    With SUPPRESS as ``default`` an option that is absent leaves what was said before the command.
    """
    whole = default is None
    parser = argparse.ArgumentParser(prog=PROGRAM, add_help=False, allow_abbrev=False, formatter_class=_formatter)
    group = parser.add_argument_group("global options")
    add = group.add_argument
    if whole:
        add("-h", "--help", action="store_true", help="show this and end")
        add("--version", action="store_true", help="print the version and end")
    add("--state", metavar="DIR", default=default, help="where traces, questions and trust are kept")
    add("-q", "--quiet", action="store_true", default=default or False, help="say only what went wrong")
    add("-v", "--verbose", action="store_true", default=default or False, help="say more")
    add("--color", metavar="WHEN", choices=("auto", "always", "never"), default=default, help="auto, always or never")
    return parser


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return what lays help out, as wide as the terminal.

    By default argparse makes one for each argument that is added, and each imports all of ``shutil`` to ask how wide.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return argparse.HelpFormatter(prog, width=int(columns) - 2)
    try:
        width = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns
    except (OSError, ValueError):
        width = 0
    return argparse.HelpFormatter(prog, width=(width or 80) - 2)


def _mirrored(args: argparse.Namespace) -> argparse.Namespace:
    """Fill what no option said from NUCLEUS_STATE, _QUIET, _VERBOSE, _COLOR and NO_COLOR. Raises Usage."""
    environ = os.environ
    args.state = args.state or environ.get("NUCLEUS_STATE") or None
    args.quiet = args.quiet or environ.get("NUCLEUS_QUIET", "") not in {"", "0"}
    args.verbose = args.verbose or environ.get("NUCLEUS_VERBOSE", "") not in {"", "0"}
    if args.color is None:
        args.color = "never" if environ.get("NO_COLOR") else environ.get("NUCLEUS_COLOR") or "auto"
        if args.color not in {"auto", "always", "never"}:
            raise Usage(f"NUCLEUS_COLOR is {args.color!r}; use auto, always or never")
    return args


def _help(options: argparse.ArgumentParser, stream: IO[str]) -> None:
    rows = "\n".join(f"  {name:<12}{line}" for name, (_, line) in available().items())
    text = options.format_help().replace("\nglobal options:", f"\ncommands:\n{rows}\n\nglobal options:", 1)
    print(f"{text}\n{PROGRAM} COMMAND --help says more about one command.", file=stream)


def _unknown(name: str) -> None:
    if name in COMMANDS:
        _say(f"{PROGRAM} {name} is not part of this version; {PROGRAM} --help lists what is. Nothing was run.")
        return
    from difflib import get_close_matches

    close = get_close_matches(name, available(), n=1)
    hint = f"did you mean {PROGRAM} {close[0]}?" if close else f"{PROGRAM} --help lists the commands."
    _say(f"there is no command {name!r}; {hint}")


def _internal(name: str, error: Exception) -> str:
    """Return the one line that a person can report: what was raised, and where in our code."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = "" if frame is None else f" at {os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"internal error in {PROGRAM} {name}: {what}{place}. Nothing was allowed. Please report this line."


def _status(name: str, kind: int) -> int:
    return STATUSES.get(name, STATUSES[""])[kind]


def _failed(name: str, kind: int, text: str) -> int:
    _say(text)
    return _status(name, kind)


def _say(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr)


def _flushed(name: str, status: int) -> int:
    """Write out what is buffered, while a failure can still be told."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        return _reader_gone(name)
    except OSError as error:
        _abandon_stdout()
        return _failed(name, FAILED, f"the output could not be written: {error.strerror or error}")
    return status


def _reader_gone(name: str) -> int:
    _abandon_stdout()
    return _status(name, FAILED) if name and name in STATUSES else PIPE_CLOSED


def _abandon_stdout() -> None:
    """Send what is left to nowhere, so that the interpreter's own last flush does not fail too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)


def script() -> NoReturn:
    """Be the program: what ``python -m nucleus`` and the console scripts start."""
    # Everything is written out. To take the interpreter apart, object by object, would take a fifth as long again.
    os._exit(main())
