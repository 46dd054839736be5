"""Exit codes, and the one way a command ends early: `CommandFailed`, which any function of this package may raise."""

from enum import IntEnum

from titan.model.errors import ModelUnavailable, NotFound, StoreUnavailable, TitanError


class ExitCode(IntEnum):
    """What the shell sees; `titan --help` lists them."""

    OK = 0  #: done; for `--wait` and `--follow` also: everything completed
    FAILED = 1  #: the job or DAG that was waited for did not complete
    USAGE = 2  #: the command line cannot be understood
    NOT_FOUND = 3  #: no job, DAG, run, key or file of that name
    UNREACHABLE = 4  #: no Titan server answers there, or it cannot answer now: try again
    REFUSED = 5  #: the server refused what was asked: correct it
    FAULT = 70  #: a fault in Titan itself (EX_SOFTWARE of sysexits.h)
    INTERRUPTED = 130  #: Ctrl-C (128 + SIGINT)
    PIPE_CLOSED = 141  #: whoever read the output stopped reading (128 + SIGPIPE)


EXIT_CODES_HELP = """\
Exit codes: 0 done · 1 the job or DAG did not complete · 2 usage · 3 not found
4 no server answers · 5 refused by the server · 70 a fault in Titan · 130 Ctrl-C"""


class CommandFailed(TitanError):
    """A command ends early: the message is for the person, the code for the shell."""

    def __init__(
        self,
        subject: str,
        *,
        exit_code: ExitCode,
        expected: str,
        found: str,
        next_step: str = "",
        kind: str = "CommandFailed",
        message: str | None = None,
    ) -> None:
        super().__init__(subject, expected=expected, found=found, next_step=next_step)
        if message is not None:  # the server's own words
            self.args = (message,)
        self.exit_code = exit_code
        #: Name of the error type on the wire, or of this one: what `--json` prints as `type`.
        self.kind = kind


def usage_error(subject: str, expected: str, found: str, next_step: str = "") -> CommandFailed:
    """Return the error for a command line that parses but makes no sense."""
    said = {"expected": expected, "found": found, "next_step": next_step}
    return CommandFailed(subject, exit_code=ExitCode.USAGE, kind="Usage", **said)


def not_found(subject: str, expected: str, found: str, next_step: str, *, kind: str) -> CommandFailed:
    """Return the error for a name that nothing has."""
    said = {"expected": expected, "found": found, "next_step": next_step}
    return CommandFailed(subject, exit_code=ExitCode.NOT_FOUND, kind=kind, **said)


def refused(
    subject: str, expected: str, found: str, next_step: str = "", *, kind: str = "CommandFailed"
) -> CommandFailed:
    """Return the error for what cannot be done as it was asked."""
    said = {"expected": expected, "found": found, "next_step": next_step}
    return CommandFailed(subject, exit_code=ExitCode.REFUSED, kind=kind, **said)


def exit_code_of(error: TitanError) -> ExitCode:
    """Return the code the shell sees when `error` ends a command."""
    match error:
        case CommandFailed():
            return error.exit_code
        case NotFound():
            return ExitCode.NOT_FOUND
        case StoreUnavailable() | ModelUnavailable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.REFUSED
