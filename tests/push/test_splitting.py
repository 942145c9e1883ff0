"""A transaction over a server's limits: in parts within them, with nothing lost, and every reference leading backwards."""

from __future__ import annotations

import json

import pytest
from conftest import FIXTURES
from hypothesis import given
from hypothesis import strategies as st

from fhirconv.pushing.links import references_in
from fhirconv.pushing.requests import Item, transaction
from fhirconv.pushing.splitting import TooLargeError, split

BUNDLE = json.loads((FIXTURES / "bundles/nakagawa-2022.r4.json").read_bytes())


def items_of(bundle: dict) -> list[Item]:
    return [
        Item(entry["resource"], entry["request"]["url"], entry["fullUrl"], at)
        for at, entry in enumerate(bundle["entry"])
    ]


def numbered(number: int, to: list[int]) -> Item:
    body = {"resourceType": "Basic", "id": f"b{number}", "x": [{"reference": f"urn:uuid:{one}"} for one in to]}
    return Item(body, f"Basic/b{number}", f"urn:uuid:{number}", number)


@given(
    st.integers(1, 14).flatmap(lambda n: st.lists(st.lists(st.integers(0, n - 1), max_size=2), min_size=n, max_size=n)),
    st.integers(1, 6),
)
def test_parts_hold_everything_once_and_refer_to_themselves_or_backwards(edges: list[list[int]], most: int) -> None:
    items = [numbered(at, to) for at, to in enumerate(edges)]
    try:
        made = split(items, most)
    except TooLargeError:
        assert _largest_circle(edges) > most
        return
    assert sorted(item.position for part in made.parts for item in part.items) == list(range(len(items)))
    before: set[str] = set()
    crossing = False
    for part in made.parts:
        assert 0 < len(part.items) <= most
        inside = {item.full_url for item in part.items}
        for item in part.items:
            for reference in references_in(item.resource):
                assert reference in inside | before
                crossing = crossing or reference not in inside
        sent = json.loads(transaction(part.items, part.elsewhere))
        assert {ref for ref in references_in(sent) if ref.startswith("urn:")} <= inside
        assert set(part.elsewhere) == before
        before |= inside
    assert not crossing or made.is_cut


def _largest_circle(edges: list[list[int]]) -> int:
    """The size of the largest set in which everything is reached from everything."""
    reached = [{at} for at in range(len(edges))]
    for _ in edges:
        for at, to in enumerate(edges):
            for other in to:
                reached[at] |= reached[other]
    return max(
        sum(at in reached[other] and other in reached[at] for other in range(len(edges))) for at in range(len(edges))
    )


def test_patients_are_not_cut_while_each_fits() -> None:
    one, other = [numbered(0, []), numbered(1, [0])], [numbered(2, []), numbered(3, [2])]
    made = split([one[0], other[0], one[1], other[1]], 2)
    assert [[item.position for item in part.items] for part in made.parts] == [[0, 1], [2, 3]]
    assert not made.is_cut


@pytest.mark.parametrize("limits", [(20, None), (None, 20_000)])
def test_a_real_case_over_the_limits_goes_in_parts_within_them(limits: tuple[int | None, int | None]) -> None:
    made = split(items_of(BUNDLE), *limits)
    assert made.is_cut
    assert len(made.parts) > 3
    assert made.parts[0].items[0].type == "Patient"
    for part in made.parts:
        assert limits[0] is None or len(part.items) <= limits[0]
        assert limits[1] is None or len(transaction(part.items, part.elsewhere)) <= limits[1]


def test_what_is_deleted_goes_last_and_together() -> None:
    gone = [Item({}, f"Provenance/{name}", method="DELETE") for name in "ab"]
    made = split([gone[0], numbered(0, []), gone[1], numbered(1, [0])], 2)
    assert [[item.url for item in part.items] for part in made.parts] == [
        ["Basic/b0", "Basic/b1"],
        ["Provenance/a", "Provenance/b"],
    ]
    with pytest.raises(TooLargeError, match="2 entries of"):
        split([*gone, numbered(0, [])], 1)


def test_a_resource_over_the_limit_is_told_with_figures() -> None:
    with pytest.raises(
        TooLargeError, match=r"1 entries of \d+ bytes belong together, and the server takes 100 bytes at once"
    ):
        split(items_of(BUNDLE), None, 100)
