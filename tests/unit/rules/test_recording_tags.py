"""Tags are kept, each once, and no more of them than a list can show."""

from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_word
from titan.model.actions import MAX_TAGS, MORE_TAGS, first_tags

MANY = tuple(f"t{place}" for place in range(MAX_TAGS + 20))
KEPT = (*MANY[:MAX_TAGS], MORE_TAGS)


def test_tags_come_to_the_first_of_each_and_say_that_there_are_more() -> None:
    assert first_tags(("b", "a"), ("a", "c")) == ("b", "a", "c")
    assert first_tags(MANY[:MAX_TAGS]) == MANY[:MAX_TAGS]
    assert first_tags(MANY) == first_tags(first_tags(MANY), ("last",)) == KEPT


def test_a_run_with_too_many_tags_keeps_the_first() -> None:
    memory = Memory()

    told = memory.hear(*(a_word(tags=(tag,)) for tag in MANY))
    again = memory.hear(*(a_word(tags=(tag,)) for tag in MANY), a_word(tags=("new",)))

    assert memory.run.tags == KEPT
    assert (len(told.kept), told.repeated) == (MAX_TAGS + 1, 19)
    assert again.repeated == MAX_TAGS + 21


def test_an_action_with_too_many_tags_keeps_the_first() -> None:
    memory = Memory()

    memory.hear(replace(a_call(ends=None), tags=MANY[:60]), replace(a_call(), tags=MANY[40:]))

    assert memory.all[0].tags == KEPT
