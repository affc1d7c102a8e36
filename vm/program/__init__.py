"""Compiled programs as data: the contract of compiler, machine, sys-ops and host."""
