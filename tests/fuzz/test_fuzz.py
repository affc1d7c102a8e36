"""Every fuzz target over its seeds, over their damaged copies, and over what hypothesis makes up."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.run import NAMES
from tests.fuzz.seeds import SEEDS, seeds
from tests.fuzz.targets import TARGETS

ALL = [(name, path) for name in TARGETS for path in seeds(name)]


def test_every_target_has_seeds_and_is_run() -> None:
    assert set(NAMES) == set(TARGETS) == {path.name for path in SEEDS.iterdir()}


@pytest.mark.parametrize(("name", "path"), ALL, ids=[f"{name}-{path.name}" for name, path in ALL])
def test_seeds(name: str, path: Path) -> None:
    TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150)
@given(data=st.data())
def test_damaged_seeds(name: str, data: st.DataObject) -> None:
    """Cut, doubled, overwritten and mixed: what a fuzzer does, a little of it on every run."""
    seed = bytearray(data.draw(st.sampled_from(seeds(name))).read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(seed)))
        end = min(len(seed), at + data.draw(st.integers(0, 20)))
        what = data.draw(st.sampled_from(("cut", "double", "write", "mix")))
        if what == "cut":
            del seed[at:end]
        elif what == "double":
            seed[at:at] = seed[at:end]
        elif what == "write":
            seed[at:end] = data.draw(
                st.binary(max_size=8) | st.sampled_from((b"\n", b"\r", b'"', b"{", b"null", b"\\"))
            )
        else:
            other = data.draw(st.sampled_from(seeds(name))).read_bytes()
            seed[at:end] = other[at:end]
    TARGETS[name](bytes(seed))


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=200))
def test_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name](data)
