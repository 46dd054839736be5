"""The command line `titan`: sends requests to a server and shows its answers."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit code."""
    try:
        from titan.cli.app import main as run  # a Ctrl-C while this imports must not end in a traceback either

        return run(arguments)
    except KeyboardInterrupt:
        return 130
