"""Exit codes, and the error that ends a command early: `CommandFailed`."""

from enum import IntEnum

from titan.model.errors import ModelUnavailable, NotFound, StoreUnavailable, TitanError


class ExitCode(IntEnum):
    """The exit codes of `titan`; `titan --help` lists them."""

    OK = 0  #: done; for `--wait` and `--follow` also: everything completed
    FAILED = 1  #: the job or DAG that was waited for did not complete
    USAGE = 2  #: the command line cannot be understood
    NOT_FOUND = 3  #: no job, DAG, run, key or file of that name
    UNREACHABLE = 4  #: no Titan server answers there, or it cannot answer now: try again
    REFUSED = 5  #: the server refused the request: correct it
    FAULT = 70  #: a fault in Titan itself (EX_SOFTWARE of sysexits.h)
    INTERRUPTED = 130  #: Ctrl-C (128 + SIGINT)
    PIPE_CLOSED = 141  #: the reader of the output stopped reading (128 + SIGPIPE)


EXIT_CODES_HELP = """\
Exit codes: 0 done · 1 the job or DAG did not complete · 2 usage · 3 not found
4 no server answers · 5 refused by the server · 70 a fault in Titan · 130 Ctrl-C"""


class CommandFailed(TitanError):
    """A command ends early: the message is for the person, the code for the shell."""

    def __init__(
        self,
        subject: str,
        expected: str,
        found: str,
        next_step: str = "",
        *,
        exit_code: ExitCode,
        kind: str = "CommandFailed",
        message: str | None = None,
    ) -> None:
        super().__init__(subject, expected=expected, found=found, next_step=next_step)
        if message is not None:  # the server's own message
            self.args = (message,)
        self.exit_code = exit_code
        #: The error type, here or on the wire; `--json` prints it as `type`.
        self.kind = kind


def usage_error(subject: str, expected: str, found: str, next_step: str = "") -> CommandFailed:
    """Return the error for a command line that parses but makes no sense."""
    return CommandFailed(subject, expected, found, next_step, exit_code=ExitCode.USAGE, kind="Usage")


def not_found(subject: str, expected: str, found: str, next_step: str, *, kind: str) -> CommandFailed:
    """Return the error for an unknown name."""
    return CommandFailed(subject, expected, found, next_step, exit_code=ExitCode.NOT_FOUND, kind=kind)


def refused(subject: str, expected: str, found: str, next_step: str = "") -> CommandFailed:
    """Return the error for a request that cannot be carried out."""
    return CommandFailed(subject, expected, found, next_step, exit_code=ExitCode.REFUSED)


def exit_code_of(error: TitanError) -> ExitCode:
    """Return the exit code of a command that `error` ends."""
    match error:
        case CommandFailed():
            return error.exit_code
        case NotFound():
            return ExitCode.NOT_FOUND
        case StoreUnavailable() | ModelUnavailable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.REFUSED
