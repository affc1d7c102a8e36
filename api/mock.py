"""A server that speaks the wire formats of the LLM providers, answers from a script, and fails on demand.

    script = {"rules": [{"prompt": "weather", "answers": [{"text": "Sunny."}]}]}
    with bamlvm.mock.ThreadedMockServer(script) as server:     # in asyncio: async with bamlvm.mock.MockServer(script)
        runtime = bamlvm.Runtime.from_directory("baml_src", env={"BASE_URL": server.url})
        runtime.functions.Forecast(city="Oslo")
        server.requests[0].body["messages"]                    # what the program sent

``bamlvm mock --help`` describes scripts and faults.
"""

from bamlvm.tools.mock.script import Answer, Rule, Script, ScriptError, load_script, script_from
from bamlvm.tools.mock.server import Exchange, MockServer, ThreadedMockServer

__all__ = [
    "Answer",
    "Exchange",
    "MockServer",
    "Rule",
    "Script",
    "ScriptError",
    "ThreadedMockServer",
    "load_script",
    "script_from",
]
