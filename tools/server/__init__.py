"""The functions of a program over HTTP: ``bamlvm serve``, and :func:`bamlvm.asgi` inside somebody else's server.

    asgi.py         the face: what it takes, and the error where the extra is missing
    application.py  the routes, and who may use them (keys.py)
    endpoints.py    a call and a stream, from a request to the last byte of its response
    requests.py     what a client sends: a body, as arguments and options
    replies.py      what it gets: values, events, and errors with their statuses
    admission.py    how many calls run at once, and how many wait
    metrics.py      what Prometheus reads
    protocol.py     the bounds of a connection that an ASGI server leaves open
    process.py      a process, or several, that serve until a signal
    page.py         the page at /docs

The routes, statuses and bodies are those of the official ``baml-cli serve`` where it has them (docs/serve.md lists the
differences).  Nothing here keeps what it has sent: an event is written before the call goes on, so that a slow reader
slows its own call and holds no more than the buffer of its socket.
"""
