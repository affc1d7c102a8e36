-- The language server for Neovim from 0.11 on: `vim.lsp.enable("bamlvm")` (:help lsp-config).
return {
  cmd = { "bamlvm", "lsp" },
  filetypes = { "baml" },
  root_markers = { "baml_src", "bamlvm.toml", "pyproject.toml", ".git" },
}
