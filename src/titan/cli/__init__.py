"""The command line: what a person types becomes requests to a server, and its answers become text."""

from titan.cli.app import main

__all__ = ["main"]
