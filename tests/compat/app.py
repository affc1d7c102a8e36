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
from baml_client.type_builder import TypeBuilder
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
body = call.http_response.body
say("body", [body.json()["choices"][0]["message"]["content"], body.text() == body.raw().decode(), len(body.text()) > 9])
say("headers", call.http_response.headers["content-type"])
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


# types that are made at run time
def hobbies():
    tb = TypeBuilder()
    hobby = tb.add_enum("Hobby")
    hobby.add_value("Chess").alias("chess club").description("plays chess")
    hobby.add_value("Hidden").skip()
    hobby.add_value("Music")
    address = tb.add_class("Address")
    address.add_property("street", tb.string()).description("without the number")
    address.add_property("number", tb.int().optional())
    tb.Resume.add_property("email", tb.string().optional()).alias("mail").description("where to write")
    tb.Resume.add_property("address", address.type())
    tb.Resume.add_property("hobbies", tb.list(hobby.type()))
    tb.Resume.add_property("scores", tb.map(tb.string(), tb.float()))
    tb.Resume.add_property("kind", tb.union([tb.literal_string("a"), tb.literal_int(2), tb.bool(), tb.null()]))
    tb.Resume.add_property("category", tb.Category.type().list())
    tb.Category.add_value("Praise").description("is happy")
    return tb


def kinds_of(value):
    """What a value is made of, as far as a program can tell."""
    if hasattr(value, "model_dump"):
        return {name: kinds_of(part) for name, part in dict(value).items()}
    if isinstance(value, dict):
        return {name: kinds_of(part) for name, part in value.items()}
    return [kinds_of(each) for each in value] if isinstance(value, list) else type(value).__name__


tb = hobbies()
say("tb request", request(b.request.ReadResume("one", baml_options={"tb": tb})))
say("tb stream request", request(b.stream_request.ReadResume("one", baml_options={"tb": tb})))
say("tb enum request", request(b.request.Classify("one", baml_options={"tb": tb})))
say("tb arguments", request(b.request.Combine(types.Resume(name="n", more=[1, {"x": None}]), types.Category.Refund)))
combined = b.request.Combine(types.Resume(name="n", email="q"), "Praise", baml_options={"tb": tb})
say("tb arguments with types", request(combined))
value = b.ReadResume("one", baml_options={"tb": tb})
say("tb call", [isinstance(value, types.Resume), dump(value), kinds_of(value)])
say("tb attributes", [value.email, value.address["street"], value.hobbies, value.category[0] == types.Category.Refund])
say("tb json", json.loads(value.model_dump_json()))
say("tb in later calls", request(b.request.ReadResume("one")))
say("tb enum", [b.Classify("praise", baml_options={"tb": tb}), b.Classify("refund", baml_options={"tb": tb}).value])
mine = b.with_options(tb=tb)
say("tb options", dump(mine.ReadResume("one")))
stream = mine.stream.ReadResume("one")
last = list(stream)[-1]
say("tb stream", [isinstance(last, stream_types.Resume), dump(stream.get_final_response())])
say("tb parse", dump(mine.parse.ReadResume('{"name": "n", "address": {"street": "s"}, "mail": "q"}')))
say("tb parse_stream", dump(mine.parse_stream.ReadResume('{"name": "n", "age": 3, "scores": {')))
attempt("tb missing", lambda: mine.ReadResume("missing"))

changed = TypeBuilder()
changed.Resume.props.name.alias("full_name").description("first and last")
changed.Category.values.Refund.alias("refund").description(None)
changed.Category.values.Other.skip()
say("tb changed", request(b.request.ReadResume("one", baml_options={"tb": changed})))
say("tb changed enum", request(b.request.Classify("one", baml_options={"tb": changed})))

written = TypeBuilder()
written.add_baml(
    """
    class Job {
      title string @description("as printed") @alias("job_title")
      grade Grade?
    }
    enum Grade {
      Junior @alias("jr")
      Senior
    }
    dynamic class Resume {
      jobs Job[]
      kind "x" | "y"
    }
    dynamic enum Category {
      Question @description("asks")
    }
    """
)
say("tb baml", request(b.request.ReadResume("one", baml_options={"tb": written})))
say("tb baml enum", request(b.request.Classify("one", baml_options={"tb": written})))
answer = '{"name": "n", "jobs": [{"job_title": "t", "grade": "jr"}], "kind": "y"}'
say("tb baml value", dump(b.parse.ReadResume(answer, baml_options={"tb": written})))
say("tb lists", [name for name, _ in written.Resume.list_properties()])
written.Resume.remove_property("jobs")
say("tb removed", request(b.request.ReadResume("one", baml_options={"tb": written})))
written.Resume.reset()
say("tb reset", request(b.request.ReadResume("one", baml_options={"tb": written})))

say("tb equal", [tb.string() == tb.string(), tb.string() == tb.int(), tb.int().list() == tb.list(tb.int())])
refusing = hobbies()
for label, refused in {
    "declared property": lambda: refusing.Resume.add_property("name", refusing.int()),
    "declared value": lambda: refusing.Category.add_value("Other"),
    "declared class": lambda: refusing.add_class("Resume"),
    "declared enum": lambda: refusing.add_enum("Mood"),
    "class again": lambda: refusing.add_class("Address"),
    "enum as class": lambda: refusing.add_class("Hobby"),
    "unknown property": lambda: refusing.Resume.props.nothing,
    "unknown value": lambda: refusing.Category.values.Nothing,
    "unknown type": lambda: refusing.Nothing,
    "not dynamic": lambda: refusing.Order.add_property("x", refusing.int()),
    "no type": lambda: refusing.Resume.add_property("x", int),
    "baml of a class": lambda: refusing.add_baml("class Resume {\n x int\n}"),
    "baml not dynamic": lambda: refusing.add_baml("dynamic class Order {\n x int\n}"),
    "baml unknown": lambda: refusing.add_baml("class X {\n x Nothing\n}"),
    "baml syntax": lambda: refusing.add_baml("classs X {"),
}.items():
    try:
        refused()
        say(f"tb {label}", "accepted")
    except (ValueError, TypeError, AttributeError, errors.BamlError) as error:
        known = (ValueError, TypeError, AttributeError, errors.BamlError)
        say(f"tb {label}", [each.__name__ for each in known if isinstance(error, each)])


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
    builders = [TypeBuilder() for _ in range(6)]
    for place, builder in enumerate(builders):
        builder.Resume.add_property(f"field{place}", builder.int().optional()).description(f"number {place}")
    texts = await asyncio.gather(
        *(async_b.request.ReadResume("x", baml_options={"tb": builder}) for builder in builders)
    )
    say("tb apart", [request(each) for each in texts])
    values = await asyncio.gather(*(async_b.ReadResume("fields", baml_options={"tb": builder}) for builder in builders))
    say("tb values apart", [getattr(value, f"field{place}") for place, value in enumerate(values)])
    say("tb async", dump(await async_b.ReadResume("one", baml_options={"tb": tb})))
    try:
        await async_b.ReadOrder("nothing")
    except errors.BamlValidationError as error:
        say("async error", error.raw_output)


asyncio.run(main())
