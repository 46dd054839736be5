"""Content goes out whole or in part, under a name, and never as what a browser would run."""

from __future__ import annotations

import hashlib
import os
from urllib.parse import quote

import pytest

from tests.support.raw_http import Answer, a_key, ask
from titan.worker.files.safe_files import printable_path

CONTENT = bytes(range(256)) * 4
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def stored(port: int) -> None:
    assert ask(port, "PUT", "/api/files/content.bin", CONTENT, a_key()).status == 201


def blob(port: int, query: str = "", **headers: str) -> Answer:
    return ask(port, "GET", f"/api/blobs/{DIGEST}{query}", headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_content_without_a_name_is_bytes(port: int) -> None:
    answer = blob(port)

    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.PNG", "image/png"),
        ("a.json", "application/json"),
        ("a.html", "application/octet-stream"),
        ("a.svg", "application/octet-stream"),
        ("a.js", "application/octet-stream"),
        ("html", "application/octet-stream"),
    ],
)
def test_the_ending_of_the_name_decides_among_harmless_types(port: int, name: str, media_type: str) -> None:
    answer = blob(port, f"?name={name}")

    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"


def test_a_name_with_any_letters_is_encoded(port: int) -> None:
    answer = blob(port, "?name=%E2%99%A5%20%22a%22%3B.txt")

    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"_ _a_;.txt\"; filename*=UTF-8''%E2%99%A5%20%22a%22%3B.txt"
    )


@pytest.mark.parametrize(
    ("name", "saved"),
    [("a%2Fb", "a_b"), ("..", "__"), ("a%0D%0AX-Evil:%201", "a__X-Evil%3A%201"),
     ("x" * 300 + ".csv", "x" * 251 + ".csv"), (quote(printable_path(os.fsdecode(b"caf\xe9.txt"))), "caf_xe9.txt")],
)  # fmt: skip
def test_a_name_that_no_file_can_have_is_only_cleaned(port: int, name: str, saved: str) -> None:
    answer = blob(port, f"?name={name}")

    assert answer.status == 200
    assert answer.headers["content-disposition"].endswith(f"filename*=UTF-8''{saved}")


def test_an_image_with_any_name_is_shown(port: int) -> None:
    answer = blob(port, "?name=caf%5Cxe9.png&inline=true")

    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=1000-", 1000, 1024), ("bytes=-24", 1000, 1024),
     ("bytes=1000-5000", 1000, 1024), ("bytes=-5000", 0, 1024)],
)  # fmt: skip
def test_a_part_is_given(port: int, asked: str, start: int, end: int) -> None:
    answer = blob(port, Range=asked)

    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-3", "bytes=", "bytes=a-b"])
def test_a_range_that_is_no_single_part_is_answered_with_the_whole(port: int, asked: str) -> None:
    assert (blob(port, Range=asked).status, blob(port, Range=asked).body) == (200, CONTENT)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=99999-100000", "bytes=-0"])
def test_a_part_behind_the_end_is_refused(port: int, asked: str) -> None:
    assert blob(port, Range=asked).refusal == (416, "RangeRefused")


def test_a_part_of_another_content_is_answered_with_the_whole(port: int) -> None:
    assert blob(port, Range="bytes=0-0", If_Range='"other"').status == 200
    assert blob(port, Range="bytes=0-0", If_Range=f'"{DIGEST}"').status == 206
