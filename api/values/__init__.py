"""The border between BAML values and Python values, in both directions."""
