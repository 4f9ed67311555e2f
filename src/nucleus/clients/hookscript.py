"""The thin end of a hook: a few lines that ask the session's socket and say 0 or 2. No Python starts for a call.

Written for perl without a module (measured: 4 ms with the shell around it,
docs/adr/0051): it finds the socket of its client among its own ancestors,
hands the event over, and says 0 only after it read 0. Where no socket is
there yet, it becomes ``nucleus hook``, which opens the session. Where a
machine has no perl, the same in Python, isolated and without ``site``.

Source: the line protocol of ``nucleus.mcp.hookline``.
"""

from collections.abc import Sequence
from typing import Final

SECONDS: Final = 25
"""Until a hook that hears nothing refuses. Below what each client waits for a hook: after that it would go on."""

REFUSED: Final = "/bin/sh -c 'echo nucleus: the tool was not allowed >&2; exit 2'"

_PERL: Final = r"""# {about}
sub refuse { my $text = "nucleus: $_[0]\n"; syswrite STDERR, $text; exit 2 }
$SIG{$_} = sub { refuse("no answer in time; nothing was allowed") } for qw(ALRM TERM INT HUP PIPE);
alarm {seconds};
my ($pid, $sock) = (getppid);
opendir my $here, "." or refuse("the working directory is gone");
for (1 .. 64) {
    if (-S "{folder}/$pid.sock" && chdir "{folder}") {
        my $made = socket($sock, 1, 1, 0) && connect($sock, pack("S a*", 1, "$pid.sock"));
        chdir $here;
        last if $made;
        undef $sock;
    }
    open my $stat, "<", "/proc/$pid/stat" or last;
    local $/;
    (<$stat>) =~ /.*\) \S (\d+)/s or last;
    $pid = $1;
    last if $pid < 2;
}
unless ($sock) { exec {fallback} or refuse("nucleus can't be started; nothing was allowed") }
my $data = "{client}\n";
do {
    my $at = 0;
    while ($at < length $data) {
        my $n = syswrite $sock, $data, length($data) - $at, $at;
        defined $n or refuse("the session is gone; nothing was allowed");
        $at += $n;
    }
    defined sysread STDIN, $data, 65536 or refuse("the event can't be read");
} while (length $data);
shutdown $sock, 1;
my $answer = "";
while (my $n = sysread $sock, $data, 65536) { $answer .= $data; last if length $answer > 65536 }
exit 0 if $answer eq "0\n";
refuse($1) if $answer =~ /\A2 (.*)\n\z/s;
refuse("the session said nothing; nothing was allowed");
"""

_PYTHON: Final = r"""# {about}
import _signal
import _socket
import os


def refuse(why, *_):
    os.write(2, ("nucleus: " + why + "\n").encode("ascii", "backslashreplace"))
    os._exit(2)


def ask():
    for name in ("SIGALRM", "SIGTERM", "SIGINT", "SIGHUP"):
        _signal.signal(getattr(_signal, name), lambda *_: refuse("no answer in time; nothing was allowed"))
    _signal.alarm({seconds})
    pid, sock, here = os.getppid(), None, os.open(".", os.O_RDONLY)
    while pid > 1:
        if os.path.exists("{folder}/" + str(pid) + ".sock"):
            sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            os.chdir("{folder}")
            try:
                sock.connect("%d.sock" % pid)
                break
            except OSError:
                sock = None
            finally:
                os.chdir(here)
        with open("/proc/%d/stat" % pid, "rb") as file:
            pid = int(file.read().rpartition(b") ")[2].split()[1])
    if sock is None:
        words = {words}
        os.execv(words[0], words)
    sock.sendall(b"{client}\n")
    while data := os.read(0, 65536):
        sock.sendall(data)
    sock.shutdown(_socket.SHUT_WR)
    answer = b""
    while (data := sock.recv(65536)) and len(answer) <= 65536:
        answer += data
    if answer == b"0\n":
        os._exit(0)
    if answer.startswith(b"2 "):
        refuse(answer[2:].strip().decode("ascii", "replace"))
    refuse("the session said nothing; nothing was allowed")


try:
    ask()
except BaseException as error:
    refuse("the session can't be asked (%s); nothing was allowed" % type(error).__name__)
"""
_ABOUT: Final = (
    "Asks the client's session about one tool call. Made by: nucleus hook install {client}. 0: go on; 2: refused."
)


def script(language: str, client: str, folder: str, fallback: Sequence[str]) -> str:
    """Return the program in ``perl`` or ``python``. ``folder``: of the sockets; ``fallback``: opens a session."""
    text = _PERL if language == "perl" else _PYTHON
    values = {
        "about": _ABOUT.replace("{client}", client),
        "seconds": str(SECONDS),
        "folder": _inside(folder, language),
        "client": client,
        "fallback": "{ " + _perl(fallback[0]) + " } " + ", ".join(_perl(word) for word in fallback),
        "words": repr(list(fallback)),
    }
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def command(interpreter: Sequence[str], path: str, made: int) -> str:
    """Return the words for the client's shell, whichever it is. What goes wrong before the program runs is 2 as well.

    A status of 2 with nothing on standard error is a failure to some clients, and no refusal: so there is a last line.
    ``made`` is what ``uninstall`` takes away beside the entry; the program does not look at it.
    """
    words = " ".join(_quoted(word) for word in interpreter)
    clean = "PERL5OPT= PERL5LIB= " if interpreter[0].endswith("perl") else ""
    return f"{clean}{words} {_quoted(path)} made:{made} || {REFUSED}"


def _quoted(word: str) -> str:
    return word if word.startswith("-") else "'" + word.replace("'", "'\"'\"'") + "'"


def _perl(text: str) -> str:
    """Return a text as a literal of perl."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _inside(text: str, language: str) -> str:
    """Return a text for the inside of double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return escaped.replace("$", "\\$").replace("@", "\\@") if language == "perl" else escaped
