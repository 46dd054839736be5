"""The SDK's types are the server's."""

from scripts.sdk_types import FILE, written


def test_the_types_of_the_sdk_are_those_of_the_wire() -> None:
    assert FILE.read_text("utf-8") == written(), "write it anew: .venv/bin/python scripts/sdk_types.py"
