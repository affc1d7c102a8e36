"""Strongly connected components, held against who can reach whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bamlvm.vm.program.cycles import components

graphs = st.integers(1, 8).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), unique=True, max_size=4), min_size=size, max_size=size
    ).map(lambda rows: {f"n{place}": [f"n{each}" for each in row] for place, row in enumerate(rows)})
)


def reached(edges: dict[str, list[str]], start: str) -> set[str]:
    """The nodes that one leads to, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        for each in edges[waiting.pop()]:
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


@given(graphs)
def test_components_are_the_nodes_that_lead_to_each_other(edges: dict[str, list[str]]) -> None:
    groups = list(components(edges))
    reach = {name: reached(edges, name) for name in edges}
    assert sorted(name for group in groups for name in group) == sorted(edges)
    for group in groups:
        assert set(group) == {other for other in edges if other in reach[group[0]] and group[0] in reach[other]}
    place = {name: number for number, group in enumerate(groups) for name in group}
    assert all(place[target] <= place[name] for name in edges for target in edges[name]), "what is led to comes first"


def test_a_long_chain() -> None:
    edges = {f"n{at}": [f"n{at + 1}"] for at in range(20_000)} | {"n20000": []}
    assert [group[0] for group in components(edges)] == [f"n{at}" for at in range(20_000, -1, -1)]
