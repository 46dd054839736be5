"""Where a measurement was made says enough to compare, and nothing that names the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.machine import describe_machine, major_and_minor


@pytest.mark.parametrize(
    ("release", "shown"),
    [("6.8.0-45-generic", "6.8"), ("6.18.44-cloud-v1", "6.18"), ("23.1.0", "23.1"), ("5", "5"), ("", "")],
)
def test_of_a_kernel_its_major_and_minor_version_are_said(release: str, shown: str) -> None:
    assert major_and_minor(release) == shown


def test_a_machine_is_described_without_the_rest_of_its_kernels_release(tmp_path: Path) -> None:
    assert re.fullmatch(r"\w+ \d+\.\d+", describe_machine(tmp_path)["system"])
