"""HTTP requests to LLM providers: chat messages in, a request out; a whole answer's body in, its text out.

    clients.py      clients by name, shorthands, strategies
    options.py      a client's options: which are ours, environment references, types, timeouts
    providers.py    the providers: wire format, address, authentication, roles
    roles.py        a prompt made fit for a provider (``specialize_prompt``)
    openai.py       Chat Completions, spoken by OpenAI, Azure, Ollama, OpenRouter and ``openai-generic`` servers
    responses.py    OpenAI's Responses
    anthropic.py    Messages
    google.py       generateContent
    wire.py         what wire formats share

Nothing here does I/O: a request is data, sent by ``baml.http``.
"""
