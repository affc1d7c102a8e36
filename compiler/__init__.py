"""From syntax tree to program, in stages: names and sugar (hir), types (tir), blocks of instructions (mir),
bytecode."""
