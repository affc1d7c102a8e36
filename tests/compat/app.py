"""A program written against ``baml_client`` and ``baml_py``, as their documentation shows.  It prints what it sees, a
line of JSON each: run with the official packages and with ours it must print the same."""

import asyncio
import contextlib
import json
import os
import sys
import threading
from itertools import pairwise

if sys.argv[2] == "ours":
    import bamlvm.compat

    bamlvm.compat.install()

from baml_client import stream_types, types
from baml_client.async_client import b as async_b
from baml_client.sync_client import b
from baml_py import AbortController, ClientRegistry, Collector, Image, errors
from pydantic import TypeAdapter

URL = os.environ["BASE"] = sys.argv[1]
os.environ["MY_KEY"] = "sk-mine"
FIELDS = ("status_code", "client_name", "raw_output", "finish_reason", "prompt")


def say(label, value):
    print(json.dumps([label, value]), flush=True)


def dump(value):
    return [type(value).__name__, value.model_dump(mode="json")] if hasattr(value, "model_dump") else value


def attempt(label, work):
    try:
        say(label, dump(work()))
    except errors.BamlError as error:
        fields = {name: getattr(error, name) for name in FIELDS if hasattr(error, name)}
        kinds = dict.fromkeys(each.__name__ for each in type(error).__mro__ if "Baml" in each.__name__)
        say(label, [*kinds, fields])


# values
attempt("order", lambda: b.ReadOrder("order one"))
attempt("mood", lambda: b.Feel("glad").value)
attempt("kinds", lambda: b.Kind("union").kind)
attempt("free", lambda: b.ReadFree("free"))
order = b.parse.ReadOrder('{"items": [{"name": "a", "price": 200}], "total": 1}')
say(
    "checks",
    [
        order.items[0].price.value,
        order.items[0].price.checks["cheap"].status,
        types.all_succeeded(order.items[0].price.checks),
    ],
)
say("json", json.loads(order.model_dump_json()))
say("validated", TypeAdapter(list[types.Item]).validate_python([order.items[0].model_dump()])[0] == order.items[0])
say("equal", order == types.Order(**order.model_dump()))
attempt("again", lambda: b.Describe(order.items[0].name, types.Mood.Happy, ["x"], None))
try:
    types.Order(items=[])
except ValueError as error:
    say("invalid", type(error).__name__)

# streams
stream = b.stream.ReadOrder("order one")
partials = list(stream)
say(
    "partials",
    [type(partials[-1]).__module__.rpartition(".")[2], dump(partials[-1]), dump(stream.get_final_response())],
)
say("grow", all(len(a.items) <= len(b.items) for a, b in pairwise(partials)))
attempt("without reading", lambda: b.stream.Say("hello").get_final_response())
attempt("stream fails", lambda: b.stream.ReadOrder("nothing").get_final_response())
attempt("beginning", lambda: b.parse_stream.ReadOrder('{"items": [{"name": "a'))
attempt("no beginning", lambda: b.parse_stream.ReadOrder('{"note'))

# errors
attempt("unreadable", lambda: b.ReadOrder("nothing"))
attempt("status 503", lambda: b.Say("status 503"))
attempt("status 401", lambda: b.Say("status 401"))
attempt("both fail", lambda: b.SayEither("status 503"))
attempt("clock", lambda: b.SaySlow("sleep"))
attempt("finish reason", lambda: b.SayPicky("cut"))
attempt("no server", lambda: b.Say("x", baml_options={"env": {"BASE": "http://127.0.0.1:9/v1"}}))
attempt("wrong argument", lambda: b.Say(3))
try:
    b.Say()
except TypeError:
    say("missing argument", "TypeError")


# requests
def request(made):
    body = made.body.json()
    for message in body["messages"]:  # the official client sends text as a list of parts
        if isinstance(message["content"], list) and all(part["type"] == "text" for part in message["content"]):
            message["content"] = "".join(part["text"] for part in message["content"])
    return [made.method, made.url, made.headers["authorization"], body]


say("request", request(b.request.ReadOrder("x")))
say("stream request", request(b.stream_request.ReadOrder("x")))
say("image", request(b.request.Look(Image.from_url("https://example.org/cat.png"))))
say("base64", request(b.request.Look(Image.from_base64("image/png", "aGk="))))

# clients
registry = ClientRegistry()
registry.add_llm_client("Mine", "openai", {"model": "mine", "api_key": "k2", "base_url": URL, "temperature": 0.5})
registry.add_llm_client("Any", "fallback", {"strategy": ["Mine", "Slow"]})
registry.set_primary("Any")
say("registry", request(b.request.Say("x", baml_options={"client_registry": registry})))
attempt("registry calls", lambda: b.Say("from the registry", baml_options={"client_registry": registry}))
say("client", request(b.request.Say("x", baml_options={"client": "Slow"})))
say("shorthand", request(b.request.Say("x", baml_options={"client": "openai/gpt-4o", "env": {"OPENAI_API_KEY": "k"}})))

# collectors
collector = Collector("mine")
mine = b.with_options(collector=collector, tags={"user": "u1"})
mine.ReadOrder("order one")
log = collector.last
call = log.calls[0]
say("log", [log.function_name, log.log_type, log.raw_llm_response, log.tags["user"], len(collector.logs)])
say("usage", [log.usage.input_tokens, log.usage.output_tokens, collector.usage.input_tokens, call.usage.output_tokens])
say("call", [call.client_name, call.provider, call.selected, call.http_response.status, call.http_request.method])
say("times", [log.timing.duration_ms >= 0, log.timing.start_time_utc_ms > 10**12, collector.id(log.id).id == log.id])
stream = mine.stream.Say("hello")
stream.get_final_response()
say(
    "streamed log",
    [collector.last.log_type, type(collector.last.calls[0]).__name__, len(collector.last.calls[0].sse_responses()) > 2],
)
with contextlib.suppress(errors.BamlClientHttpError):
    mine.SayEither("status 503")
say(
    "failed log",
    [
        sorted(each.client_name for each in collector.last.calls),
        collector.last.selected_call,
        collector.last.raw_llm_response,
    ],
)
collector.clear()
say("cleared", len(collector.logs))

# aborting
controller = AbortController()
threading.Timer(0.2, controller.abort).start()
attempt("aborted", lambda: b.Say("slowly", baml_options={"abort_controller": controller}))
say("stays", controller.aborted)
attempt("aborted before", lambda: b.Say("x", baml_options={"abort_controller": controller}))
attempt("aborted by time", lambda: b.Say("slowly", baml_options={"abort_controller": AbortController(timeout_ms=200)}))


# asynchronous
async def main():
    say("async", dump(await async_b.ReadOrder("order one")))
    stream = async_b.stream.ReadOrder("order one")
    seen = [partial async for partial in stream]
    say("async stream", [isinstance(seen[-1], stream_types.Order), dump(await stream.get_final_response())])
    say("async request", request(await async_b.request.Say("x")))
    say("gathered", await asyncio.gather(*(async_b.Say(f"hello {place}") for place in range(5))))
    ticks = []
    value = await async_b.Say(
        "hello", baml_options={"on_tick": lambda reason, log: ticks.append((reason, log.function_name))}
    )
    say("ticks", [value, len(ticks) > 0, ticks[0]])
    try:
        await async_b.ReadOrder("nothing")
    except errors.BamlValidationError as error:
        say("async error", error.raw_output)


asyncio.run(main())
