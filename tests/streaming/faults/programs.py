"""The program of the fault matrix: for each wire format and each short clock, two clients and four functions.

One client meets the fault (``env.BAD``), one is healthy (``env.GOOD``); each function puts them together in one way.
"""

from __future__ import annotations

from tests.streaming.faults.outcomes import CLOCK_MS, Clock
from tests.streaming.faults.wires import WIRES, Wire

WAYS = ("single", "retry", "fallback", "turns")
CLOCKS: tuple[Clock | None, ...] = (None, "connect", "time_to_first_token", "idle", "request")
KEY = "sk-never-shown"


def clients(wire: Wire, clock: Clock | None) -> str:
    """The clients and functions of a wire format with a short clock: one that meets the fault, and a healthy one."""
    name = function_name(wire, "", clock)
    limit = f"http {{ {clock}_timeout_ms {CLOCK_MS[clock]} }}" if clock else ""
    options = f'model "m"  api_key "{KEY}"  {wire.options}'
    return f"""
client<llm> {name}Bad {{ provider {wire.provider}  options {{ base_url env.BAD  {options}  {limit} }} }}
client<llm> {name}Good {{ provider {wire.provider}  options {{ base_url env.GOOD  {options} }} }}
client<llm> {name}Again {{ provider {wire.provider}  retry_policy Once
    options {{ base_url env.BAD  {options}  {limit} }} }}
client<llm> {name}Else {{ provider fallback  options {{ strategy [{name}Bad, {name}Good] }} }}
client<llm> {name}Turn {{ provider round-robin  options {{ strategy [{name}Bad, {name}Good] }} }}
function {name}single(input: string) -> string {{ client {name}Bad  prompt #"{{{{ input }}}}"# }}
function {name}retry(input: string) -> string {{ client {name}Again  prompt #"{{{{ input }}}}"# }}
function {name}fallback(input: string) -> string {{ client {name}Else  prompt #"{{{{ input }}}}"# }}
function {name}turns(input: string) -> string {{ client {name}Turn  prompt #"{{{{ input }}}}"# }}
"""


def function_name(wire: Wire, way: str, clock: Clock | None) -> str:
    return f"{wire.name.title().replace('-', '')}{(clock or 'default').title().replace('_', '')}_{way}"


PROGRAM = "retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }\n" + "".join(
    clients(wire, clock) for wire in WIRES.values() for clock in CLOCKS
)
