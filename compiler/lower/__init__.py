"""Lowering, from tir to mir: ``functions`` (expressions and statements), ``patterns`` (match and catch),
``builder``."""
