"""``bamlvm dev``: a page in the browser to look at a program, run it, and see what each run did.

    project.py      the program as it is on disk now: recompiled when a file changes
    description.py  functions, tests and clients as data, for the page's lists and forms
    preview.py      the prompt, the request and the curl command of a call that is not made
    runs.py         a call as events: attempts, raw events, partial values as differences
    values.py       values as text that arrives as it is
    tabs.py         the tabs of the browser, and what each of them hears
    stages.py       any stage of any function
    steps.py        a call of the machine instruction by instruction
    assigned.py     which locals have a value before an instruction
    recordings.py   a recording, opened: its exchanges, and its call run again
    opening.py      the page opened in a browser: the token stays off its command line
    application.py  the routes, and who may use them
    views.py        what each route does
    page/           the page: plain ES modules, no build step, nothing from another host

The page shows what others wrote (a program, a model's answer), so it puts text into the document as text alone, and its
policy forbids scripts of any other origin.  Everything under ``/api`` needs the token that the printed URL carries.
"""
