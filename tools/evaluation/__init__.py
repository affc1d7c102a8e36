"""``bamlvm eval``: a function over a data set, scored, and compared with another client or another prompt.

    subject.py      what is evaluated: variants of a function, and what is expected of a row
    scoring.py      a row's result against its expectations
    statistics.py   shares with their uncertainty, and whether one variant is better
    table.py        the result as text
    junit.py        … for CI servers
    page.py         … as a page with plots

Each variant is a batch (:mod:`bamlvm.tools.batch`) with a journal of its own; scores are computed from the journals, so
that an evaluation resumes as a batch does, and other expectations cost no new calls.
"""
