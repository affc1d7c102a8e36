"""A server that speaks the wire formats of the LLM providers, answers from a script, and fails on demand.

    script = {"rules": [{"prompt": "weather", "answers": [{"text": "Sunny."}]}]}
    with bamlvm.mock.ThreadedMockServer(script) as server:     # in asyncio: async with bamlvm.mock.MockServer(script)
        runtime = bamlvm.Runtime.from_directory("baml_src", env={"BASE_URL": server.url})
        runtime.functions.Forecast(city="Oslo")
        server.requests[0].body["messages"]                    # what the program sent

Without a server, :class:`MockTransport` does the same inside the process, for ``Runtime(transport=…)``; under pytest it
is the fixture ``baml_mock``:

    def test_forecast(baml_mock):
        baml_mock.answer("Sunny.")                             # or baml_mock.play(script)
        runtime = bamlvm.Runtime.from_directory("baml_src", transport=baml_mock)
        assert runtime.functions.Forecast(city="Oslo") == "Sunny."
        assert "Oslo" in str(baml_mock.requests[0].body)

``baml_mock.answer({"name": "Ada"}, function="Extract")`` sets the answers of one function.  With
:class:`PlausibleAnswers` in place of a script, the answers are made from the return types (``bamlvm run --mock``).

``bamlvm mock --help`` describes scripts and faults.
"""

from bamlvm.tools.mock.plausible import PlausibleAnswers
from bamlvm.tools.mock.script import Answer, Rule, Script, ScriptError, load_script, script_from
from bamlvm.tools.mock.server import Exchange, MockServer, ThreadedMockServer
from bamlvm.tools.mock.transport import MockTransport

__all__ = [
    "Answer",
    "Exchange",
    "MockServer",
    "MockTransport",
    "PlausibleAnswers",
    "Rule",
    "Script",
    "ScriptError",
    "ThreadedMockServer",
    "load_script",
    "script_from",
]
