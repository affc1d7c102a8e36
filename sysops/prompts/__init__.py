"""Prompts: a Jinja template and a call's arguments in, chat messages out.

    engine.py         templates compiled once per runtime, rendering, errors with the template's line
    environment.py    the Jinja dialect: sandboxed, strict about undefined names, values printed the BAML way
    views.py          BAML values as a template sees them
    messages.py       ``_.role`` and media, which cut the rendered text into messages
    filters.py        the filters that Jinja does not have, or has differently
    serialise.py      values as JSON, YAML and TOON text (the ``format`` filter)
    output_format.py  ``ctx.output_format``: the return type described to the model

Only :mod:`bamlvm.sysops.prompts.engine` is meant to be imported from outside, and only when a prompt is rendered: it
brings in Jinja.
"""
