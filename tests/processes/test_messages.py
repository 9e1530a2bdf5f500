"""What parent and worker say to each other: read as it was written, and nothing else read."""

import json
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.proofs.processes import messages
from tokenauction.proofs.processes.messages import Event, read, written
from tokenauction.proofs.results import report
from tokenauction.proofs.results.forms import fits
from tokenauction.proofs.results.rows import ClaimRow, ResourcesRow, Result, ScopeRow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
EVENTS = st.sampled_from(get_args(Event)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {
            field.name: {
                int: st.integers(),
                str: st.text(),
                messages.Row: st.dictionaries(st.text(), JSON),
                list[messages.Row]: st.lists(st.dictionaries(st.text(), JSON)),
                list[str]: st.lists(st.text()),
            }[get_type_hints(kind)[field.name]]
            for field in fields(kind)
        }
    ).map(lambda content: kind(**content))
)


@given(event=EVENTS)
def test_events_are_read_as_they_were_written(event: Event) -> None:
    assert read(written(event)) == event


@given(event=EVENTS, data=st.data())
def test_an_event_with_anything_missing_more_or_other_is_none(event: Event, data: Any) -> None:
    content = json.loads(written(event))
    name = data.draw(st.sampled_from(sorted(content)))
    value = data.draw(JSON)
    assert read(json.dumps({**content, "more": value})) is None
    assert read(json.dumps({key: one for key, one in content.items() if key != name})) is None
    changed = read(json.dumps({**content, name: value}))
    assert changed is None or written(changed) == json.dumps({**content, name: value})


@given(value=JSON)
def test_what_is_no_event_is_none(value: Any) -> None:
    assert read(json.dumps(value)) is None
    assert read(str(value) + "{") is None


SHAPES = {
    Result: report.schema()["$defs"]["result"],
    ScopeRow: report.schema()["$defs"]["result"]["properties"]["scope"],
    ResourcesRow: report.schema()["$defs"]["result"]["properties"]["resources"],
}


@pytest.mark.parametrize("row", SHAPES)
def test_a_row_has_the_keys_of_its_schema(row: Any) -> None:
    shape = SHAPES[row]
    assert {*row.__annotations__} | ({*ClaimRow.__annotations__} if row is Result else set()) == {
        *shape["properties"]
    }
    assert {*row.__required_keys__} == {*shape["required"]}


@pytest.mark.parametrize(
    ("value", "form", "fitting"),
    [
        (1, float, True),
        (1.5, int, False),
        (False, int, False),
        (False, bool, True),
        (None, str | None, True),
        (3, str | None, False),
        ({"agents": "all", "tokens": [1, 2]}, ScopeRow, True),
        ({"agents": "some", "tokens": [1, 2]}, ScopeRow, False),
        ({"agents": "all"}, ScopeRow, False),
        ({"agents": "all", "tokens": ["1"]}, ScopeRow, False),
        ([], ScopeRow, False),
    ],
)
def test_forms_of_json(value: Any, form: Any, fitting: bool) -> None:
    assert fits(value, form) == fitting
