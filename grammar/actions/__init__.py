"""The actions named in ``baml.lark``: each builds the node of a rule.

Rule: one public function for each name after ``->``, called with the context and the rule's children in order, tokens
included, so that every node knows its range.  The children of a list are collected in one Python list that grows in
place.  What the grammar cannot say is checked here and reported, not raised.
"""
