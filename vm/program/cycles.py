"""Strongly connected components: which nodes of a graph lead to each other.

Recursive functions are checked together (the compiler), recursive types are described by name (prompts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


def components(edges: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield the components of a graph, each before those that lead to it (Tarjan's algorithm, without recursion).

    ``edges`` has every node, with the nodes that it leads to.  Nodes are visited, and edges followed, in the order
    given; a component's nodes come in the order in which they were met.
    """
    order: dict[str, int] = {}  # when a node was met
    low: dict[str, int] = {}  # the earliest node on the stack that it leads to, as far as is known
    waiting: list[str] = []
    on_stack: set[str] = set()
    for root in edges:
        if root in order:
            continue
        order[root] = low[root] = len(order)
        waiting.append(root)
        on_stack.add(root)
        work = [(root, len(waiting) - 1, iter(edges[root]))]
        while work:
            name, place, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[name])
                if low[name] == order[name]:  # it leads to nothing earlier: all from here on is its component
                    group = waiting[place:]
                    del waiting[place:]
                    on_stack.difference_update(group)
                    yield group
            elif following not in order:
                order[following] = low[following] = len(order)
                work.append((following, len(waiting), iter(edges[following])))
                waiting.append(following)
                on_stack.add(following)
            elif following in on_stack:
                low[name] = min(low[name], order[following])
