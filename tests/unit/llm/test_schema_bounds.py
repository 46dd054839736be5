"""Bounds for schemas that have none."""

from hypothesis import given
from hypothesis import strategies as st

from titan.llm.local import MAX_ITEMS, MAX_LENGTH, bounded
from titan_sdk.model import problems


def test_strings_and_arrays_get_bounds_at_every_depth() -> None:
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "parts": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        },
        "required": ["title"],
    }

    assert bounded(schema) == {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": MAX_LENGTH},
            "parts": {
                "type": "array",
                "maxItems": MAX_ITEMS,
                "items": {"anyOf": [{"type": "string", "maxLength": MAX_LENGTH}, {"type": "integer"}]},
            },
        },
        "required": ["title"],
    }


def test_existing_bounds_are_kept() -> None:
    schema = {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 5000}}

    assert bounded(schema) == schema


def test_a_bound_is_never_below_the_minimum() -> None:
    assert bounded({"type": "string", "minLength": 900})["maxLength"] == 900
    assert bounded({"type": "array", "minItems": 20})["maxItems"] == 20


def test_closed_strings_are_left_alone() -> None:
    schema = {"type": "string", "enum": ["SYNTHESIZE", "DEEPEN"]}

    assert bounded(schema) == schema


def test_a_property_called_type_is_no_type() -> None:
    schema = {"type": "object", "properties": {"type": {"type": "string"}}}

    assert bounded(schema)["properties"] == {"type": {"type": "string", "maxLength": MAX_LENGTH}}


def test_a_string_among_several_types_is_bounded() -> None:
    assert bounded({"type": ["string", "null"]}) == {"type": ["string", "null"], "maxLength": MAX_LENGTH}


_SCHEMAS = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": "string", "minLength": 3}, {}]),
    lambda inner: st.one_of(
        inner.map(lambda items: {"type": "array", "items": items}),
        st.dictionaries(st.sampled_from("abc"), inner).map(lambda parts: {"type": "object", "properties": parts}),
        st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options}),
    ),
)
_VALUES = st.recursive(
    st.one_of(st.text(max_size=5), st.integers(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner)),
)


@given(schema=_SCHEMAS, value=_VALUES)
def test_a_value_that_fits_the_bounded_schema_fits_the_schema(schema: dict[str, object], value: object) -> None:
    if not problems(value, bounded(schema)):
        assert problems(value, schema) == []


@given(schema=_SCHEMAS)
def test_bounding_twice_changes_nothing_more(schema: dict[str, object]) -> None:
    assert bounded(bounded(schema)) == bounded(schema)
