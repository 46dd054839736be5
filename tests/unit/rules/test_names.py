"""Names become folders, URLs and environment values: what is accepted is safe there, all else is refused."""

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from titan.model.errors import InvalidName, TooLarge
from titan.rules.names import (
    MAX_KEY_BYTES,
    MAX_NAME,
    as_filename,
    check_env_name,
    check_filename,
    check_key,
    check_label,
    check_name,
    check_path,
    check_project,
    plain,
    shown,
)
from titan.rules.runs.lifecycle import agent_of

HOSTILE = "../\\;|&$`'\"<>*?[]{}()!#~^%=, \t\r\n\0\x1b\x7f\x85\u200b\u202e\u2028éß😀\ud800aZ09_.:@+-"
#: Text made to break out, mixed with any text at all.
ANY_TEXT = st.text(max_size=30) | st.text(st.sampled_from(HOSTILE), max_size=30)
#: Only characters that a name may hold somewhere.
ALLOWED_TEXT = st.text(st.sampled_from("aZ09_.:@+- "), max_size=12)
LONGEST = "n" * MAX_NAME


def is_accepted(check: Callable[[str], str], text: str) -> bool:
    """Return whether `check` accepts; it must give back the same text or raise the named error."""
    try:
        assert check(text) == text
    except (InvalidName, TooLarge):
        return False
    return True


def a_job_name(text: str) -> str:
    """Check as the name of a job."""
    return check_name("job", text)


@pytest.mark.parametrize(
    "name", ["train", "RESEARCH_cb5e13_ITER1", "a", "9", "_x", "v1.2:beta@gpu+x", "my job 1", "a..b", LONGEST]
)
def test_ordinary_names_are_accepted(name: str) -> None:
    assert a_job_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../train",
        "a/b",
        "a\\b",
        "train;rm",
        "a|b",
        "a\nb",
        "train\n",
        "a\tb",
        "a\0b",
        "😀",
        "café",
        "a\u202eb",
        "\ud800",
        "-rf",
        ".hidden",
        " a",
        "a ",
        "$HOME",
        "a%2fb",
        "a?b",
        "a#b",
        LONGEST + "n",
    ],
)
def test_a_name_that_could_mean_something_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(InvalidName) as refusal:
        a_job_name(name)

    assert refusal.value.subject.startswith("job ")
    assert str(refusal.value).isascii()
    assert str(refusal.value).isprintable()


@given(ANY_TEXT | ALLOWED_TEXT)
@example("a" * 300)
def test_an_accepted_name_is_safe_as_folder_url_segment_and_environment_value(text: str) -> None:
    if not is_accepted(a_job_name, text):
        return

    assert PurePosixPath(text).parts == (text,)
    assert text not in (".", "..")
    assert PureWindowsPath(f"folder/{text}").name == text or ":" in text
    assert len(text.encode()) <= 255
    url = urlsplit(f"http://titan/api/jobs/{quote(text, safe='')}")
    assert unquote(url.path.rpartition("/")[2]) == text
    assert text.isprintable()
    assert text.strip() == text
    assert not text.startswith(("-", "."))


@given(ALLOWED_TEXT.filter(lambda text: is_accepted(a_job_name, text)))
def test_the_agent_of_an_accepted_run_id_is_an_accepted_name(run_id: str) -> None:
    assert check_name("agent", agent_of(run_id))


def test_the_longest_names_and_file_names_make_folders(tmp_path: Path) -> None:
    (tmp_path / check_name("run", LONGEST)).mkdir()
    (tmp_path / check_filename("ä" * 127)).write_text("")

    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("DAG-train", "train"),
        ("train", "train"),
        ("DAG-DAG-train", "train"),
        ("dag-train", "dag-train"),
        ("DAG-", ""),
    ],
)
def test_the_originals_prefix_is_taken_off(given_name: str, expected: str) -> None:
    assert plain(given_name) == expected


@given(ANY_TEXT.map(lambda text: f"DAG-{text}"))
def test_a_plain_name_never_has_the_prefix(name: str) -> None:
    assert not plain(name).startswith("DAG-")


@pytest.mark.parametrize("label", ["GENERAL", "GPU", "HIGH_MEM", "cuda-12.4", "x" * 64])
def test_ordinary_labels_are_accepted(label: str) -> None:
    assert check_label(label) == label


@pytest.mark.parametrize("label", ["", "GPU:1", "A B", "GPU\n", "-x", "x" * 65, "Ä", "a|b"])
def test_other_labels_are_refused(label: str) -> None:
    with pytest.raises(InvalidName, match=r"^label "):
        check_label(label)


@given(ANY_TEXT | ALLOWED_TEXT)
def test_an_accepted_label_is_valid_in_an_offer(text: str) -> None:
    if not is_accepted(check_label, text):
        return

    assert f"{text}:4".partition(":") == (text, ":", "4")
    assert text.isascii()


@pytest.mark.parametrize("name", ["script.py", "über uns.txt", "a;b|c.sh", "😀.py", "-x", ".env", "...", "é" * 127])
def test_any_base_name_is_accepted_as_a_file_name(name: str) -> None:
    assert check_filename(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc/passwd", "..\\x", "a\nb", "a\0", "\x7f", "é" * 128, "\ud800.py"]
)
def test_a_file_name_that_is_a_path_or_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match=r"^file name "):
        check_filename(name)


@given(ANY_TEXT)
@example("x" * 256)
def test_an_accepted_file_name_stays_in_its_folder(text: str) -> None:
    if not is_accepted(check_filename, text):
        return

    assert PurePosixPath("/attempt", text).parent == PurePosixPath("/attempt")
    assert 1 <= len(text.encode()) <= 255
    assert "\0" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "name"),
    [("a.txt", "a.txt"), ("", "_"), ("..", "__"), ("a/..\\b\0", "a_.._b_"), ("é" * 200 + ".png", "é" * 125 + ".png"),
     ("." + "x" * 300, "." + "x" * 254), ("a." + "x" * 300, "a." + "x" * 253)],
)  # fmt: skip
def test_any_text_comes_near_to_a_file_name(text: str, name: str) -> None:
    assert as_filename(text) == name


@given(ANY_TEXT)
def test_a_corrected_file_name_is_valid(text: str) -> None:
    assert check_filename(as_filename(text)) == as_filename(as_filename(text))


@pytest.mark.parametrize("key", ["k", "RESEARCH:report", "a/b", "ключ", "😀", "k" * 1024])
def test_any_printable_text_is_accepted_as_a_key(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", "a\nb", "a\0", "\x85", "\u2028", "\ud800"])
def test_a_key_with_a_control_character_is_refused(key: str) -> None:
    with pytest.raises(InvalidName, match=r"^key "):
        check_key(key)


def test_a_key_is_measured_in_bytes() -> None:
    with pytest.raises(TooLarge, match=r"expected at most 1024 bytes of UTF-8; found 1026 bytes\."):
        check_key("é" * 513)


@given(ANY_TEXT)
def test_an_accepted_key_is_one_line_of_utf_8(text: str) -> None:
    if not is_accepted(check_key, text):
        return

    assert 1 <= len(text.encode()) <= MAX_KEY_BYTES
    assert text.splitlines() == [text]
    assert json.loads(json.dumps(text)) == text


@pytest.mark.parametrize("name", ["finance", "Crème brûlée", "x" * 200, "a/b?c"])
def test_a_project_has_any_name_that_can_be_printed(name: str) -> None:
    assert check_project(f" {name} ") == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\tb", "\x00", "caf\udce9"])
def test_other_projects_are_refused(name: str) -> None:
    with pytest.raises(InvalidName, match=r"^project "):
        check_project(name)


@pytest.mark.parametrize("name", ["KEY", "_x", "a1"])
def test_ordinary_environment_names_are_accepted(name: str) -> None:
    assert check_env_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "1A", "A=B", "A B", "A\n", "TITAN_PORT", "TITAN_", "TITAN_PROJECT", "Ä", "x" * 257]
)
def test_other_environment_names_and_titans_own_are_refused(name: str) -> None:
    with pytest.raises(InvalidName, match=r"^environment variable "):
        check_env_name(name)


@given(ANY_TEXT | ALLOWED_TEXT)
def test_an_accepted_environment_name_is_an_identifier_that_is_not_titans(text: str) -> None:
    if not is_accepted(check_env_name, text):
        return

    assert text.isidentifier()
    assert not text.startswith("TITAN_")


@given(st.text(max_size=200))
def test_any_text_is_shown_on_one_short_plain_line(text: str) -> None:
    line = shown(text)

    assert line.isascii()
    assert line.isprintable()
    assert len(line) <= 61 * len(r"\U00000000") + 2


@pytest.mark.parametrize("path", ["a", "a/b c/ü.txt", "..a/b", "a\\b", "x" * 16_384])
def test_a_path_below_a_folder_is_fine(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", ".", "a/../b", "./a", "a\nb", "a\0b", "a\x7f", "\ud800", "x" * 16_385]
)
def test_a_path_that_leads_elsewhere_or_cannot_be_shown_is_refused(path: str) -> None:
    with pytest.raises(InvalidName, match=r"without \. and \.\. and control characters"):
        check_path(path)


def test_letters_of_other_scripts_are_refused_by_their_name() -> None:
    with pytest.raises(InvalidName, match="expected 1 to 200 ASCII letters, digits"):
        check_name("job", "תהליך")
