"""The virtual machine: opcodes, compiled programs, values, and the machine that runs them."""
