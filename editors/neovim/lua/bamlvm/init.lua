-- Start `bamlvm lsp` for BAML files: require("bamlvm").setup({ cmd = { "uv", "run", "bamlvm", "lsp" } })
--
-- From Neovim 0.11 on, this is `vim.lsp.enable("bamlvm")` with the options of lsp/bamlvm.lua; before, a client a root
-- folder is started when a file is opened.

local M = {}

local markers = { "baml_src", "bamlvm.toml", "pyproject.toml", ".git" }
local clients = {} -- by root folder, for Neovim 0.7

local function root_of(path)
  local folder = vim.fn.fnamemodify(path, ":p:h")
  local around = folder
  while true do
    for _, marker in ipairs(markers) do
      local found = around .. "/" .. marker
      if vim.fn.isdirectory(found) == 1 or vim.fn.filereadable(found) == 1 then
        return around
      end
    end
    local parent = vim.fn.fnamemodify(around, ":h")
    if parent == around then
      return folder
    end
    around = parent
  end
end

local function attach(options, buffer)
  local root = root_of(vim.api.nvim_buf_get_name(buffer))
  local config = vim.tbl_extend("force", { name = "bamlvm", cmd = { "bamlvm", "lsp" }, root_dir = root }, options)
  if vim.lsp.start then
    vim.lsp.start(config, { bufnr = buffer })
    return
  end
  if clients[root] == nil or vim.lsp.get_client_by_id(clients[root]) == nil then
    clients[root] = vim.lsp.start_client(config)
  end
  if clients[root] then
    vim.lsp.buf_attach_client(buffer, clients[root])
  end
end

function M.setup(options)
  options = options or {}
  if vim.lsp.config then
    vim.lsp.config("bamlvm", options)
    vim.lsp.enable("bamlvm")
    return
  end
  local group = vim.api.nvim_create_augroup("bamlvm", { clear = true })
  vim.api.nvim_create_autocmd("FileType", {
    group = group,
    pattern = "baml",
    callback = function(event)
      attach(options, event.buf)
    end,
  })
end

return M
