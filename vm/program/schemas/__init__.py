"""JSON Schema of a program's types, and the forms in which an answer can be asked for by such a schema.

dialects.py   what each reader of schemas understands: a host, OpenAI, Anthropic, Google
writer.py     a type to its schema in a dialect
forms.py      a return type and an output mode to what is asked for: one schema, one tool, or a tool for each class
"""
