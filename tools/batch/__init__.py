"""``bamlvm batch``: one function over a data set, resumed after a crash without asking anything twice.

    rows.py       data → rows: JSONL, JSON, CSV, Parquet, standard input
    arguments.py  a row's columns → the arguments of the function
    results.py    what a row came to, as plain data
    journal.py    the file of results: appended to, on the disk before it counts, read again to resume
    output.py     the finished journal in the order of the data, and as CSV or Parquet
    summary.py    counts, tokens and errors by class
    run.py        all of it together

A *row* has a key, the digest of the function and its arguments, and of how many equal rows came before it.  What is in
the journal under a row's key is its result, whatever has been added to the data since or moved in it.
"""
