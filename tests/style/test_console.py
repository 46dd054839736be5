"""The committed console is the one that its source and the server's OpenAPI document make."""

from __future__ import annotations

from scripts.console import DIGEST, WEB, digest_of_sources


def test_the_built_console_matches_its_sources() -> None:
    assert (WEB / DIGEST).read_text().strip() == digest_of_sources(), "build it anew: make console"
