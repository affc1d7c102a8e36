"""The retry table under a fake clock: the machine runs ``llm.baml``, and what it asks of the world is answered here.

Nothing sleeps: ``baml.sys.sleep`` is a sys-op of the test that notes the milliseconds and moves the clock on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.build.cache import Cache
from bamlvm.build.loading import load
from bamlvm.sysops.scope import Hooks, Scope
from bamlvm.sysops.services import Services
from bamlvm.sysops.table import load as load_sysops
from bamlvm.sysops.web.retry_after import retry_after_ms
from bamlvm.vm.handles import HandleTable
from bamlvm.vm.linker import Program
from bamlvm.vm.machine import Done, Failed, Machine
from bamlvm.vm.natives import load_natives
from bamlvm.vm.sysop import SysOp

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9" } }
function F(input: string) -> string { client C  prompt #"{{ input }}"# }

/// Fails as often as `statuses` says, each time with its `asked`, then answers; gives the number of tries.
function run(
  max_retries: int, strategy: string, delay_ms: int, multiplier: float, max_delay_ms: int, jitter: bool,
  statuses: int[], asked: (int?)[]
) -> int {
  let policy = baml.llm.RetryPolicy {
    max_retries: max_retries, strategy: strategy, delay_ms: delay_ms, multiplier: multiplier,
    max_delay_ms: max_delay_ms, jitter: jitter,
  };
  let client = baml.llm.Client {
    name: "C", provider: "openai", kind: baml.llm.ClientKind.Primitive, retry: policy, children: [],
  };
  let call = baml.llm.new_call("F", {"input": "x"});
  let tries = 0;
  let step = (client: baml.llm.PrimitiveClient, call: baml.llm.Call) -> unknown {
    tries += 1;
    if (tries <= statuses.length()) {
      throw baml.errors.HttpStatus {
        message: "no", status_code: statuses[tries - 1], url: "", body: "", retry_after_ms: asked[tries - 1],
      }
    }
    "answered"
  };
  baml.llm.with_retries(client, call, step) catch (e) { baml.errors.HttpStatus => return 0 - tries, };
  tries
}
"""


@dataclass(frozen=True)
class Policy:
    """A retry policy, as ``run`` takes it."""

    max_retries: int
    strategy: str
    delay_ms: int
    multiplier: float
    max_delay_ms: int
    jitter: bool = False

    def waits(self, tries: int, asked: int | None) -> tuple[int, int]:
        """The shortest and the longest wait after ``tries`` tries, in exact arithmetic."""
        delay = Fraction(self.delay_ms)
        if self.strategy == "exponential_backoff":
            delay = min(delay * Fraction(self.multiplier) ** (tries - 1), Fraction(self.max_delay_ms))
        low = delay / 2 if self.jitter else delay
        honoured = 0 if asked is None else min(asked, self.max_delay_ms)
        # One millisecond for the rounding of floats.
        return max(int(low) - 1, honoured), max(int(delay) + 1, honoured)


class World:
    """The program and its fake clock."""

    def __init__(self) -> None:
        loaded = load({"main.baml": SOURCE}, True, Cache.default())
        sysops = {**load_sysops(), "baml.sys.sleep": SysOp("baml.sys.sleep", self._sleep, is_async=False)}
        self.program = Program.link([loaded.standard, loaded.unit], load_natives(), sysops)
        self.slept: list[int] = []

    def _sleep(self, scope: Scope, ms: int) -> None:
        self.slept.append(ms)

    def run(self, policy: Policy, statuses: Sequence[int], asked: Sequence[int | None]) -> int:
        """The tries made; negative if none succeeded.  The waits are in ``slept``."""
        self.slept = []
        schema: Any = self.program
        scope = Scope(Services(schema, HandleTable(), lambda: None), 1, {}, Hooks(), clients=schema.clients)
        machine = Machine(self.program, scope)
        fields = (policy.max_retries, policy.strategy, policy.delay_ms, policy.multiplier, policy.max_delay_ms)
        machine.start("run", [*fields, policy.jitter, list(statuses), list(asked)])
        outcome = machine.run()
        assert not isinstance(outcome, Failed), outcome.error
        assert isinstance(outcome, Done)
        assert isinstance(outcome.value, int)
        return outcome.value


@pytest.fixture(scope="module")
def world() -> World:
    return World()


POLICIES = st.builds(
    Policy,
    max_retries=st.integers(0, 6),
    strategy=st.sampled_from(("constant_delay", "exponential_backoff")),
    delay_ms=st.integers(0, 5000),
    multiplier=st.sampled_from((1.0, 1.5, 2.0, 3.25, 10.0)),
    max_delay_ms=st.integers(0, 20_000),
    jitter=st.booleans(),
)
STATUSES = st.lists(st.sampled_from((429, 503, 500, 408)) | st.sampled_from((400, 401)), max_size=9)
ASKED = st.lists(st.none() | st.integers(0, 50_000), min_size=9, max_size=9)


@given(policy=POLICIES, statuses=STATUSES, asked=ASKED)
def test_the_waits_of_any_policy(world: World, policy: Policy, statuses: list[int], asked: list[int | None]) -> None:
    tries = world.run(policy, statuses, asked[: len(statuses)])
    until = next((place for place, status in enumerate(statuses) if status in (400, 401)), len(statuses))
    failing = min(until, policy.max_retries)  # the tries that are followed by another
    if until < len(statuses) or len(statuses) > policy.max_retries:
        assert tries == -(failing + 1)
    else:
        assert tries == failing + 1
    assert len(world.slept) == failing, "a wait between tries, none after the last"
    for place, waited in enumerate(world.slept):
        low, high = policy.waits(place + 1, asked[place])
        assert low <= waited <= high, (place, waited, low, high)


@pytest.mark.parametrize(
    ("policy", "asked", "waits"),
    [
        (Policy(3, "constant_delay", 200, 1.5, 10_000), None, [200, 200, 200]),
        (Policy(5, "exponential_backoff", 200, 1.5, 10_000), None, [200, 300, 450, 675, 1013]),
        (Policy(4, "exponential_backoff", 4000, 2.0, 10_000), None, [4000, 8000, 10_000, 10_000]),
        (Policy(2, "constant_delay", 200, 1.5, 10_000), 3000, [3000, 3000]),
        (Policy(2, "constant_delay", 200, 1.5, 10_000), 60_000, [10_000, 10_000]),
        (Policy(2, "constant_delay", 200, 1.5, 10_000), 100, [200, 200]),
        (Policy(1, "constant_delay", 15_000, 1.5, 10_000), 60_000, [15_000]),
        (Policy(0, "constant_delay", 200, 1.5, 10_000), 3000, []),
    ],
)
def test_the_table(world: World, policy: Policy, asked: int | None, waits: list[int]) -> None:
    count = policy.max_retries + 1
    assert world.run(policy, [503] * count, [asked] * count) == -count
    assert world.slept == waits


def test_jitter_spreads(world: World) -> None:
    policy = Policy(6, "constant_delay", 1000, 1.5, 10_000, jitter=True)
    found = set()
    for _ in range(20):
        world.run(policy, [503] * 7, [None] * 7)
        found |= set(world.slept)
    assert len(found) > 60
    assert 500 <= min(found) < 600 and 900 < max(found) <= 1000


@given(now=st.integers(0, 4 * 10**9), ahead=st.integers(-(10**6), 10**6))
def test_a_date_is_as_good_as_seconds(now: int, ahead: int) -> None:
    """RFC 9110, section 10.2.3: ``Retry-After`` is either."""
    moment = max(0, now + ahead)
    dated = retry_after_ms({"retry-after": formatdate(moment, usegmt=True)}, float(now))
    assert dated == max(0, moment - now) * 1000
    assert retry_after_ms({"retry-after": str(max(0, moment - now))}, float(now)) == dated
