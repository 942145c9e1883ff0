"""A transaction that is larger than a server takes, in parts.

Parts are cut between resources that do not refer to each other, as between patients: then nothing is lost but that all
parts arrive at once. Where a patient alone is too large, what is referred to goes first, and references across parts
name the resource on the server: then a run that is stopped leaves part of a patient there, until it is run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fhirconv.bundle import dump_json
from fhirconv.issues import FhirconvError
from fhirconv.pushing.links import references_in, with_references
from fhirconv.pushing.requests import Item

_FRAME = 64  # bytes of the Bundle around its entries
Block = list[int]  # positions of items


class TooLargeError(FhirconvError):
    """Resources that refer to each other in a circle are larger than what the server takes."""


class Part(NamedTuple):
    """One transaction; `elsewhere` leads from the full URLs of resources in earlier parts to references to them."""

    items: list[Item]
    elsewhere: dict[str, str]


class Split(NamedTuple):
    """The parts in the order in which they are sent; `is_cut`: references lead from one to another."""

    parts: list[Part]
    is_cut: bool


def split(items: list[Item], most_entries: int | None = None, most_bytes: int | None = None) -> Split:
    """The items in as few transactions as keep within the limits (None for no limit). Raises TooLargeError."""
    if (most_entries is None or len(items) <= most_entries) and most_bytes is None:
        return Split([Part(items, {})], False)
    on_server = {item.full_url: item.look_up for item in items if item.full_url}
    sizes = [_size(item, on_server) for item in items]

    def fits(block: Block, more: Block | None = None) -> bool:
        both = block + (more or [])
        size = _FRAME + sum(sizes[at] for at in both)
        return (most_entries is None or len(both) <= most_entries) and (most_bytes is None or size <= most_bytes)

    if fits(list(range(len(items)))):
        return Split([Part(items, {})], False)
    edges = _edges(items)
    deleted = [at for at, item in enumerate(items) if item.method == "DELETE"]
    blocks: list[Block] = []
    is_cut = bool(deleted)
    for component in _components(edges):
        if items[component[0]].method == "DELETE":
            continue
        if fits(component):
            blocks.append(component)
        else:
            is_cut = True
            blocks += _circles(component, edges)
    packed: list[Block] = []
    for block in [*blocks, deleted] if deleted else blocks:  # what led to the deleted ones is changed before
        if not fits(block):
            raise TooLargeError(_too_large(block, sizes, most_entries, most_bytes))
        if packed and fits(packed[-1], block):
            packed[-1] += block
        else:
            packed.append(list(block))
    return Split(list(_parts(items, packed, on_server)), is_cut)


def _parts(items: list[Item], packed: list[Block], on_server: dict[str, str]) -> Iterator[Part]:
    elsewhere: dict[str, str] = {}
    for block in packed:
        made = [items[at] for at in sorted(block)]
        yield Part(made, dict(elsewhere))
        elsewhere |= {item.full_url: on_server[item.full_url] for item in made if item.full_url}


def _size(item: Item, on_server: dict[str, str]) -> int:
    """Bytes of an entry, whichever way its references are written."""
    entry = item.entry()
    return max(len(dump_json(entry)), len(dump_json(with_references(entry, on_server)))) + 1


def _too_large(block: Block, sizes: Sequence[int], most_entries: int | None, most_bytes: int | None) -> str:
    found = f"{len(block)} entries of {sum(sizes[at] for at in block)} bytes belong together"
    limits = [f"{most_entries} entries"] if most_entries is not None else []
    limits += [f"{most_bytes} bytes"] if most_bytes is not None else []
    return f"{found}, and the server takes {' and '.join(limits)} at once; raise its limits"


def _edges(items: list[Item]) -> list[list[int]]:
    """For each item the positions of those that it refers to."""
    position = {name: at for at, item in enumerate(items) for name in (item.full_url, item.url) if name}
    return [
        sorted({position[to] for to in references_in(item.resource) if to in position and position[to] != at})
        for at, item in enumerate(items)
    ]


def _components(edges: list[list[int]]) -> Iterator[Block]:
    """Sets of items that no reference leads out of or into, by their first item."""
    around: list[set[int]] = [set(to) for to in edges]
    for at, to in enumerate(edges):
        for other in to:
            around[other].add(at)
    seen = [False] * len(edges)
    for start in range(len(edges)):
        if seen[start]:
            continue
        seen[start], found, todo = True, [], [start]
        while todo:
            at = todo.pop()
            found.append(at)
            for other in around[at]:
                if not seen[other]:
                    seen[other] = True
                    todo.append(other)
        yield sorted(found)


def _circles(component: Block, edges: list[list[int]]) -> Iterator[Block]:
    """The strongly connected sets of a component, each after those that it refers to (Tarjan, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in component:
        if root in index:
            continue
        work = [(root, 0)]
        while work:
            at, step = work.pop()
            if step == 0:
                index[at] = low[at] = len(index)
                stack.append(at)
                on_stack.add(at)
            elif edges[at][step - 1] in on_stack:
                low[at] = min(low[at], low[edges[at][step - 1]])
            if step < len(edges[at]):
                work.append((at, step + 1))
                if edges[at][step] not in index:
                    work.append((edges[at][step], 0))
            elif low[at] == index[at]:
                cut = stack.index(at)
                yield sorted(stack[cut:])
                on_stack.difference_update(stack[cut:])
                del stack[cut:]
