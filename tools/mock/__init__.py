"""``bamlvm mock`` and the mock server that tests run in their own process."""

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
