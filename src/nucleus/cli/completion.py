"""``nucleus completion SHELL``: a script that completes commands, actions and options.

The words are read from the parsers themselves when the script is printed, so
it starts no program while you type.
"""

import argparse
from typing import Final

from nucleus.cli import PROGRAM, available, command_parser

NAMES: Final = (PROGRAM, f"{PROGRAM}-runtime")
GLOBAL: Final = ("--help", "--version", "--state", "--quiet", "--verbose", "--color")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")
    parser.epilog = 'For example: eval "$(nucleus completion bash)", or nucleus completion fish | source'


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    words = {name: words_of(command_parser(name)) for name in available()}
    print({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](words), end="")
    return 0


def words_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the actions and the long options of one command, those of its actions included."""
    words: list[str] = []
    for action in parser._actions:  # noqa: SLF001  argparse has no public way to read a parser
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  likewise
            for name, inner in action.choices.items():
                words.append(name)
                words.extend(words_of(inner))
        elif action.option_strings:
            words.extend(word for word in action.option_strings if word.startswith("--"))
        elif action.choices is not None:
            words.extend(str(choice) for choice in action.choices)
    return sorted(set(words))


def bash(words: dict[str, list[str]]) -> str:
    """Return a script for bash. Where no word fits, files are completed."""
    cases = "".join(f'        {name}) words="{" ".join(own)}" ;;\n' for name, own in words.items())
    return f"""\
_nucleus() {{
    local words="{" ".join([*words, *GLOBAL])}" index
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${{COMP_WORDS[index]}} in
        --state | --color) ((index++)) ;;
        -*) ;;
        *) break ;;
        esac
    done
    if ((index < COMP_CWORD)); then
        case ${{COMP_WORDS[index]}} in
{cases}        *) words="" ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _nucleus {" ".join(NAMES)}
"""


def zsh(words: dict[str, list[str]]) -> str:
    """Return a script for zsh, which runs the one for bash."""
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash(words)


def fish(words: dict[str, list[str]]) -> str:
    """Return a script for fish, with the help of each command beside its name."""
    lines = []
    for program in NAMES:
        for name, (_, line) in available().items():
            told = line.replace("\\", "\\\\").replace("'", "\\'")
            lines.append(f"complete -c {program} -n __fish_use_subcommand -f -a {name} -d '{told}'")
            own = " ".join(words[name])
            lines.append(f"complete -c {program} -n '__fish_seen_subcommand_from {name}' -a '{own}'")
        lines.append(f"complete -c {program} -n __fish_use_subcommand -f -a '{' '.join(GLOBAL)}'")
    return "\n".join(lines) + "\n"
