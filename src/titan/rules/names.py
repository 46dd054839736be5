"""Check names: they become folders, URLs and environment values, so few characters are allowed."""

import re
from typing import Final

from titan.model.actions import project_name
from titan.model.errors import InvalidName, TooLarge
from titan.model.projects import MAX_PROJECT

NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.:@+ -]*[A-Za-z0-9_.:@+-])?", re.ASCII)
MAX_NAME: Final = 200  # characters; with a folder's prefix still below the 255 bytes of a file name
LABEL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)
FILENAME_REFUSED: Final = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")  # the last: no UTF-8 has them
MAX_FILENAME_BYTES: Final = 255  # the limit of ext4, xfs and APFS
MAX_ENDING_BYTES: Final = 32  # more behind the last dot is no ending that says a type
PATH_REFUSED: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
MAX_PATH_BYTES: Final = 16 * 1024  # Linux's 4,096, each byte written as \xNN
MAX_KEY_BYTES: Final = 1024
ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}", re.ASCII)
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # and halves of surrogate pairs
PREFIX: Final = re.compile(r"\A(?:DAG-)*")  # the original puts it before every job and DAG name


def plain(name: str) -> str:
    """Return `name` without the original's optional `DAG-` prefix."""
    return PREFIX.sub("", name)


def check_name(kind: str, name: str) -> str:
    """Return `name` when it may name a job, a DAG, a run or an agent.

    Raises:
        InvalidName: it is empty, over 200 characters, or holds anything but ASCII letters, digits,
            inner blanks and `_ . : @ + -`, or begins with other than a letter, digit or `_`.
    """
    if len(name) <= MAX_NAME and NAME.fullmatch(name):
        return name
    raise _invalid(
        kind,
        name,
        f"1 to {MAX_NAME} ASCII letters, digits, inner blanks or _ . : @ + - (first a letter, digit or _)",
        "Choose another name.",
    )


def check_project(name: str) -> str:
    """Return `name`, without blanks around it, when it may name a project.

    Raises:
        InvalidName: it is empty, over 200 characters, or holds what is not printable.
    """
    if len(name.strip()) <= MAX_PROJECT and (checked := project_name(name)) is not None:
        return checked
    raise _invalid("project", name, f"1 to {MAX_PROJECT} printable characters", "Choose another name, or leave it out.")


def check_label(label: str) -> str:
    """Return `label` when it may be a requirement or an offer.

    Raises:
        InvalidName: it is not 1 to 64 ASCII letters, digits, `_ . -`.
    """
    if LABEL.fullmatch(label):
        return label
    raise _invalid(
        "label",
        label,
        "1 to 64 ASCII letters, digits or _ . - (first a letter, digit or _)",
        "Use a label such as GENERAL or GPU.",
    )


def check_filename(name: str) -> str:
    """Return `name` when it is a base name any file system here can hold.

    Raises:
        InvalidName: it is empty, `.` or `..`, over 255 bytes, or holds `/`, a backslash, a control
            character or half a surrogate pair, which UTF-8 cannot say.
    """
    size = len(name.encode("utf-8", "surrogatepass"))
    if name not in ("", ".", "..") and size <= MAX_FILENAME_BYTES and not FILENAME_REFUSED.search(name):
        return name
    raise _invalid(
        "file name",
        name,
        f"a base name of 1 to {MAX_FILENAME_BYTES} bytes without / \\ or control characters",
        "Pass the file's own name, without its folder.",
    )


def as_filename(text: str) -> str:
    """Return a base name as near to `text` as `check_filename` lets pass, for what is to be saved under it.

    What is refused becomes `_`, and what is too long is cut before its ending: the collector lists a file whose name is
    no UTF-8 with `\\xNN` in it, and it has to be saved all the same.
    """
    plain_text = FILENAME_REFUSED.sub("_", text)
    if plain_text in ("", ".", ".."):
        return plain_text.replace(".", "_") or "_"
    stem, dot, ending = plain_text.rpartition(".")
    if not stem or len(ending.encode()) > MAX_ENDING_BYTES:
        stem, dot, ending = plain_text, "", ""
    room = MAX_FILENAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending


def check_path(path: str) -> str:
    """Return `path` when it leads from a folder to something below it.

    Raises:
        InvalidName: it is empty, absolute, over 16 KiB, has an empty, `.` or `..` part, or a control character.
    """
    size = len(path.encode("utf-8", "surrogatepass"))
    if size <= MAX_PATH_BYTES and not PATH_REFUSED.search(path) and not {"", ".", ".."} & set(path.split("/")):
        return path
    raise _invalid(
        "path",
        path,
        f"a relative path of 1 to {MAX_PATH_BYTES} bytes, without . and .. and control characters",
        "Pass the path below the folder, its parts joined by one / each.",
    )


def check_key(key: str) -> str:
    """Return `key` when it may be a key of the shared store.

    Raises:
        InvalidName: it is empty, or holds a control character or half a surrogate pair.
        TooLarge: it is over 1,024 bytes of UTF-8.
    """
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > MAX_KEY_BYTES:
        raise TooLarge(
            f"key {shown(key)}",
            expected=f"at most {MAX_KEY_BYTES} bytes of UTF-8",
            found=f"{size} bytes",
            next_step="Shorten the key; put the long part into the value.",
        )
    if key and not CONTROL.search(key):
        return key
    raise _invalid("key", key, "one or more characters, none of them a control character", "Choose another key.")


def check_env_name(name: str) -> str:
    """Return `name` when a job may set it in its environment.

    Raises:
        InvalidName: it is no environment name, or begins with `TITAN_`, which Titan sets itself.
    """
    if ENV_NAME.fullmatch(name) and not name.startswith("TITAN_"):
        return name
    raise _invalid(
        "environment variable",
        name,
        "ASCII letters, digits and _, not beginning with a digit or with TITAN_",
        "Rename the variable.",
    )


def shown(text: str) -> str:
    """Return `text` quoted for a message: escaped, and cut after 60 characters."""
    return ascii(text if len(text) <= 60 else text[:60] + "…")


def _offence(name: str) -> str:
    if not name:
        return "an empty string"
    return f"{len(name)} characters: {shown(name)}"


def _invalid(kind: str, name: str, expected: str, next_step: str) -> InvalidName:
    return InvalidName(f"{kind} {shown(name)}", expected=expected, found=_offence(name), next_step=next_step)
