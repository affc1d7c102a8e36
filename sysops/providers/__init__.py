"""LLM providers: chat messages in, a request out; a whole or streamed answer in, its text out.

    catalogue.py    the providers, one row each: wire format, address, authentication, roles
    clients.py      clients by name, shorthands, strategies
    options.py      a client's options: which are read here, environment references, types, timeouts
    roles.py        a prompt fitted to a provider (``specialize_prompt``)
    registry.py     the wire formats, one row each:
      openai.py       Chat Completions, spoken by OpenAI, Azure, Ollama, OpenRouter and ``openai-generic`` servers
      responses.py    OpenAI's Responses
      anthropic.py    Messages
      google.py       generateContent
      vertex.py       generateContent on Vertex AI: its addresses and credentials
    wire.py         what a wire format is, and the parts that formats share
    accumulator.py  the base of the accumulators, and the reader of events' data
    usage.py        token counts
    failures.py     errors that a provider reports, answers that cannot be read

Nothing here does I/O: a request is data, sent by ``baml.http``.
"""
