"""HTTP/1.1 over asyncio, as a transport of httpx.

httpx says what a request and an answer are; its own transport costs more for each piece of a body than everything else
that is done with a streamed event.  Here the bytes go from the event loop's buffer through llhttp to whoever reads::

    socket ── Connection (connection.py) ── AnswerReader (answers.py) ── Body (body.py) ─┬─ async for (httpx's way)
                  │                                                                      └─ Receiver (called at once)
    Pool (pool.py): connections at rest, by origin, and new ones (dialling.py)
    Transport (http1.py): the httpx interface: one request, one answer

Rules of RFC 9110 and 9112.  What fails is raised as httpx's exception for it; a body that ends before its end is an
error, never a short success.  A connection is in one place at a time: connecting (owned by the coroutine), in use
(by one exchange, which returns it or closes it), or at rest (owned by the pool).
"""
