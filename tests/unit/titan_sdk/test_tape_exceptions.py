"""A recorded exception can be raised again, and none of its class's code runs for it."""

from __future__ import annotations

import json
import sys
from enum import Enum

import pytest

from titan_sdk.tape import Bounds, Object, Raised, ReplayedError, decode, encode, snapshot


class Refused(Exception):
    """Its `__init__` takes other things than `args` keeps: it cannot be called with them."""

    made = 0

    def __init__(self, status: int, *, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        Refused.made += 1
        self.status = status
        self.seen = [status]


class Color(Enum):
    RED = 1


class Silent(Exception):
    def __str__(self) -> str:
        raise KeyError("no words")


def caught(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        if cause is None:
            raise error
        raise error from cause
    except BaseException as raised:  # noqa: BLE001 (SystemExit is recorded, too)
        return raised


def again(error: BaseException) -> BaseException:
    replayed = decode(encode(error))
    assert isinstance(replayed, BaseException)
    return replayed


@pytest.mark.parametrize(
    "error",
    [
        ValueError("nope"),
        KeyError("k"),
        FileNotFoundError(2, "No such file", "a.txt"),
        FileExistsError(17, "exists", "a", None, "b"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        json.JSONDecodeError("Expecting value", "x", 0),
        SystemExit(3),
        StopIteration({"a": (1,)}),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_comes_back_with_its_class_its_arguments_and_its_words(error: BaseException) -> None:
    replayed = again(caught(error))

    assert (type(replayed), replayed.args, str(replayed)) == (type(error), error.args, str(error))
    assert vars(replayed) == vars(error)


def test_attributes_that_a_built_in_exception_derives_from_its_arguments_are_restored() -> None:
    missing, stopped = again(FileNotFoundError(2, "No such file", "a.txt")), again(StopIteration(7))

    assert isinstance(missing, FileNotFoundError)
    assert (missing.errno, missing.filename) == (2, "a.txt")
    assert isinstance(stopped, StopIteration)
    assert stopped.value == 7


def test_a_users_exception_comes_back_with_its_attributes_and_without_a_call_of_its_init() -> None:
    error = Refused(429, reason="slow down")
    error.add_note("try later")
    made = Refused.made

    replayed = again(error)

    assert isinstance(replayed, Refused)
    assert (str(replayed), replayed.status, replayed.__notes__) == ("429 slow down", 429, ["try later"])
    assert Refused.made == made


def test_a_group_comes_back_with_its_members() -> None:
    replayed = again(ExceptionGroup("two", [ValueError(1), Refused(500, reason="down")]))

    assert isinstance(replayed, ExceptionGroup)
    assert [type(member) for member in replayed.exceptions] == [ValueError, Refused]


def test_the_chain_of_causes_comes_back() -> None:
    replayed = again(caught(ValueError("outer"), caught(KeyError("inner"), OSError(5, "disk"))))

    assert isinstance(replayed.__cause__, KeyError)
    assert isinstance(replayed.__cause__.__cause__, OSError)


def test_the_context_comes_back_unless_it_was_suppressed() -> None:
    try:
        raise KeyError("first")
    except KeyError:
        shown, hidden = caught(ValueError("while handling")), caught(ValueError("from none"))
    hidden.__suppress_context__ = True

    assert isinstance(again(shown).__context__, KeyError)
    assert again(hidden).__context__ is None


def test_a_chain_without_end_is_cut_within_the_bound_of_depth() -> None:
    error: BaseException = ValueError(0)
    for number in range(1, 500):
        error = caught(ValueError(number), error)

    encoded = encode(error)

    assert encoded.count(b'"$cut"') > 0
    assert encode(snapshot(error)) == encoded


def test_an_exception_that_cannot_say_itself_is_recorded() -> None:
    assert json.loads(encode(Silent("a")))["$exception"]["message"] == "<str raised KeyError>"


@pytest.mark.parametrize(
    "type_name",
    [
        "nowhere:Lost",
        "ReallyNotBuiltIn",
        "builtins:open",
        "os:system",
        "os:path.join",
        f"{__name__}:caught",
        "dict",
        "",
    ],
)
def test_an_exception_of_an_unknown_class_becomes_a_replayed_error(type_name: str) -> None:
    fields = {"type": type_name, "message": "m", "args": ["a", 1], "state": {"code": 7}}
    text = json.dumps({"$exception": fields}, separators=(",", ":"))

    replayed = decode(text)

    assert isinstance(replayed, ReplayedError)
    assert str(replayed) == f"{type_name}: m"
    assert replayed.raised == Raised(type_name=type_name, message="m", args=("a", 1), state={"code": 7})
    assert encode(replayed).decode() == text
    assert encode(snapshot(replayed)).decode() == text


def test_a_class_that_refuses_the_arguments_becomes_a_replayed_error() -> None:
    replayed = decode('{"$exception":{"type":"UnicodeDecodeError","message":"m","args":[1]}}')

    assert isinstance(replayed, ReplayedError)


def test_no_module_is_imported_for_a_name() -> None:
    decode('{"$exception":{"type":"antigravity:Error","message":"m","args":[]}}')

    assert "antigravity" not in sys.modules


def test_arguments_that_cannot_come_back_give_way_to_the_words() -> None:
    coloured, keyed, opaque = again(ValueError(Color.RED)), again(KeyError(Color.RED)), again(ValueError(object()))

    assert coloured.args == ("Color.RED",)
    assert keyed.args == (Object(type_name=f"{__name__}:Color", state={"name": "RED", "value": 1}),)
    assert opaque.args == ("<object object>",)


def test_arguments_without_room_give_way_to_the_words() -> None:
    encoded = encode(ValueError([1]), bounds=Bounds(depth=1))

    assert again(ValueError([1])).args == ([1],)
    assert encoded.count(b'"$cut"') == 1
    assert repr(decode(encoded)) == "ValueError('[1]')"


def test_an_exception_that_cannot_be_said_keeps_its_arguments() -> None:
    assert again(ValueError(10**5000)).args == (10**5000,)


def test_an_address_stays_only_in_words_that_were_given() -> None:
    assert again(ValueError("illegal instruction at 0x1f")).args == ("illegal instruction at 0x1f",)
