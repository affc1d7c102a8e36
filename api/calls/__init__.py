"""One call, from its prepared arguments to its closed resources."""
