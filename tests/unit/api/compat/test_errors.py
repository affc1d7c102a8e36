"""Which exception of ``baml_py`` an error of a call becomes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import bamlvm
from bamlvm.compat import errors
from bamlvm.mock import MockTransport

SOURCE = """
class Item { n int }
client<llm> C { provider openai  options { model "m"  api_key "k" } }
client<llm> Picky { provider openai  options { model "m"  api_key "k"  finish_reason_deny_list ["length"] } }
function Read(text: string) -> Item {
  client C
  prompt #"{{ _.role("system") }}Be brief.{{ _.role("user") }}{{ text }}"#
}
function Pick(text: string) -> string { client Picky  prompt #"{{ text }}"# }
function Throw() -> int { throw "mine" }
function Divide(by: int) -> int { 1 / by }
"""


def raised(answer: dict[str, Any], function: str = "Read", **arguments: Any) -> BaseException:
    transport = MockTransport()
    transport.play({"rules": [{"answers": [answer]}]})
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=transport) as runtime:
        with pytest.raises(bamlvm.BamlError) as caught:
            runtime.call_function_sync(function, arguments)
        return errors.translated(caught.value)


def test_an_answer_that_does_not_fit() -> None:
    error = raised({"text": "none"}, text="x")
    assert type(error) is errors.BamlValidationError
    assert (error.raw_output, error.prompt) == ("none", "system: Be brief.\nuser: x\n")
    assert "raw_output=none" in str(error)


@pytest.mark.parametrize("code", [400, 401, 429, 503])
def test_a_status(code: int) -> None:
    error = raised({"faults": [{"kind": "status", "code": code}]}, text="x")
    assert type(error) is errors.BamlClientHttpError
    assert (error.status_code, error.client_name) == (code, "C")


def test_a_finish_reason() -> None:
    error = raised({"text": "cut", "finish_reason": "length"}, "Pick", text="x")
    assert type(error) is errors.BamlClientFinishReasonError
    assert (error.finish_reason, error.raw_output) == ("length", "cut")


def test_arguments_and_what_programs_throw() -> None:
    assert type(raised({}, text=3)) is errors.BamlInvalidArgumentError
    assert type(raised({}, "Nope")) is errors.BamlInvalidArgumentError
    for error, message in ((raised({}, "Throw"), "mine"), (raised({}, "Divide", by=0), "DivisionByZero")):
        assert type(error) is errors.BamlError
        assert message in str(error)


def test_cancelling_aborts() -> None:
    assert type(errors.translated(bamlvm.Cancelled("x"))) is errors.BamlAbortError
    assert type(errors.translated(bamlvm.DeadlineExceeded(1.0))) is errors.BamlAbortError


def test_other_exceptions_stay() -> None:
    error = KeyError("x")
    assert errors.translated(error) is error


def test_they_travel() -> None:
    error: Any = raised({"faults": [{"kind": "status", "code": 503}]}, text="x")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))
