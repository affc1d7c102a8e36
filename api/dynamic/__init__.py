"""Types that are made at run time: :class:`bamlvm.TypeBuilder`, and what it takes types from.

builder.py      the builder
parts.py        the builders of its classes, enums, properties and values
state.py        what they share, and the data that a call takes
baml_text.py    added types as text
"""
