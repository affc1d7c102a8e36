"""HTTP/1.1 over asyncio, as a transport of httpx.

httpx defines what a request and a response are; its own transport spends more time on each piece of a body than
everything else that is done with a streamed event.  Here the bytes go from the event loop's buffer through llhttp to
the reader::

    socket ── Connection (connection.py) ── ResponseReader (response_reader.py) ── Body (body.py) ─┬─ async for
                  │                                                                                └─ Receiver
    Pool (pool.py): idle connections by origin, and new ones (dialling.py)
    Transport (http1.py): httpx's interface: one request, one response; and below it `exchange`, without httpx's objects
    states.py: the states of connections and bodies;  headers.py: the grammar of a request's head

Rules of RFC 9110 and 9112.  A failure is raised as httpx's exception for it; a body that is cut short is an error,
never a short success.  A connection has one owner at a time: the coroutine that connects it, the exchange that it
serves (which returns it or closes it), or the pool.

The package imports nothing of the rest of bamlvm and runs on any asyncio event loop.
"""
