"""The program of the fault matrix: for each wire format and each short clock, two clients and four functions.

One client meets the fault (``env.BAD``), one is healthy (``env.GOOD``); each function puts them together in one way.
"""

from __future__ import annotations

from typing import get_args

from tests.streaming.faults.outcomes import CLOCK_MS, Clock, Lack
from tests.streaming.faults.wires import WIRES, Wire

WAYS = ("single", "retry", "fallback", "turns")
CLOCKS: tuple[Clock | None, ...] = (None, "connect", "time_to_first_token", "idle", "request")
KEY = "sk-never-shown"


def clients(wire: Wire, variant: Clock | Lack | None) -> str:
    """The clients and functions of a wire format: one that meets the fault, by a short clock or a lack of its own, and
    a healthy one."""
    name = function_name(wire, "", variant)
    options = f'model "m"  api_key "{KEY}"  {wire.options}'
    provider, bad = wire.provider, f"base_url env.BAD  {options}"
    match variant:
        case "provider":
            provider = "baml-openai-chat"
        case "key":
            bad = 'model "m"'
        case "variable":
            bad = 'base_url env.BAD  model "m"  api_key env.NOT_SET'
        case None:
            pass
        case clock:
            bad += f"  http {{ {clock}_timeout_ms {CLOCK_MS[clock]} }}"
    return f"""
client<llm> {name}Bad {{ provider {provider}  options {{ {bad} }} }}
client<llm> {name}Good {{ provider {wire.provider}  options {{ base_url env.GOOD  {options} }} }}
client<llm> {name}Again {{ provider {provider}  retry_policy Once  options {{ {bad} }} }}
client<llm> {name}Else {{ provider fallback  options {{ strategy [{name}Bad, {name}Good] }} }}
client<llm> {name}Turn {{ provider round-robin  options {{ strategy [{name}Bad, {name}Good] }} }}
function {name}single(input: string) -> string {{ client {name}Bad  prompt #"{{{{ input }}}}"# }}
function {name}retry(input: string) -> string {{ client {name}Again  prompt #"{{{{ input }}}}"# }}
function {name}fallback(input: string) -> string {{ client {name}Else  prompt #"{{{{ input }}}}"# }}
function {name}turns(input: string) -> string {{ client {name}Turn  prompt #"{{{{ input }}}}"# }}
"""


def function_name(wire: Wire, way: str, variant: Clock | Lack | None) -> str:
    return f"{wire.name.title().replace('-', '')}{(variant or 'default').title().replace('_', '')}_{way}"


PROGRAM = "retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }\n" + "".join(
    clients(wire, variant) for wire in WIRES.values() for variant in (*CLOCKS, *get_args(Lack))
)
