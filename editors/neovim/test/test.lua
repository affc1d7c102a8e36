-- Run by `make editors` in headless Neovim: colours of a file, and a conversation with the real language server.
--
--     BAMLVM="python -m bamlvm" nvim --headless -u NONE --cmd "set rtp^=editors/neovim" -c "luafile …/test.lua"

local failures = 0

local function check(what, found, expected)
  if vim.deep_equal(found, expected) then
    print("ok      " .. what)
  else
    failures = failures + 1
    print("FAILED  " .. what .. ": expected " .. vim.inspect(expected) .. ", found " .. vim.inspect(found))
  end
end

local source = {
  "/// Who greets.",
  "class Person { name string @alias(\"n\") }",
  "function Greet(p: Person) -> string {",
  "  client \"openai/gpt-4o\"",
  "  prompt #\"{{ _.role(\"user\") }} {% if p.name %}Hello {{ p.name | upper }}{% endif %} {# no #}\"#",
  "}",
  "function twice(n: int) -> int {",
  "  let total = n * 2;",
  "  if (total > 1.5) { return `${total}` } // comment",
  "  totl",
  "}",
}

local folder = vim.fn.tempname()
vim.fn.mkdir(folder .. "/baml_src", "p")
local path = folder .. "/baml_src/main.baml"
vim.fn.writefile(source, path)

vim.cmd("filetype plugin on")
vim.cmd("syntax on")
local command = vim.split(vim.env.BAMLVM or "bamlvm", " ")
table.insert(command, "lsp")
require("bamlvm").setup({ cmd = command })
vim.cmd("edit " .. path)

check("the file type", vim.bo.filetype, "baml")
check("how a comment is written", vim.bo.commentstring, "// %s")

local function group(line, text)
  local column = source[line]:find(text, 1, true)
  return vim.fn.synIDattr(vim.fn.synID(line, column, 1), "name")
end

for _, case in ipairs({
  { 1, "Who", "bamlDoc" },
  { 2, "class", "bamlDeclaration" },
  { 2, "Person", "bamlName" },
  { 2, "string", "bamlType" },
  { 2, "@alias", "bamlAttribute" },
  { 3, "Greet", "bamlFunction" },
  { 4, "openai", "bamlString" },
  { 5, "prompt", "bamlSetting" },
  { 5, "if", "bamlJinjaFlow" },
  { 5, "Hello", "bamlRaw" },
  { 5, "upper", "bamlJinjaFilter" },
  { 5, "no", "bamlJinjaComment" },
  { 6, "}", "" },
  { 8, "let", "bamlStorage" },
  { 8, "2", "bamlNumber" },
  { 9, "if", "bamlFlow" },
  { 9, "1.5", "bamlNumber" },
  { 9, "return", "bamlFlow" },
  { 9, "comment", "bamlComment" },
}) do
  check("the colour of `" .. case[2] .. "` in line " .. case[1], group(case[1], case[2]), case[3])
end

local function codes()
  return vim.tbl_map(function(each)
    return each.code
  end, vim.diagnostic.get(0))
end

vim.wait(20000, function()
  return #vim.diagnostic.get(0) > 0
end, 20)
check("diagnostics of the file", vim.tbl_contains(codes(), "E0003"), true)

local answers = vim.lsp.buf_request_sync(0, "textDocument/hover", {
  textDocument = { uri = vim.uri_from_bufnr(0) },
  position = { line = 2, character = 20 },
}, 10000)
local _, answer = next(answers or {})
local text = answer and answer.result and answer.result.contents and answer.result.contents.value or ""
check("hover says what `Person` is", text:find("class Person", 1, true) ~= nil, true)
check("and has its doc comment", text:find("Who greets.", 1, true) ~= nil, true)

vim.api.nvim_buf_set_lines(0, 9, 10, false, { "  total" })
vim.wait(20000, function()
  return not vim.tbl_contains(codes(), "E0003")
end, 20)
check("the name is mended while typing", vim.tbl_contains(codes(), "E0003"), false)

if failures > 0 then
  print(failures .. " failed")
  vim.cmd("cquit 1")
end
vim.cmd("qall!")
