" Vim syntax file: BAML, with the Jinja of its prompts.  Made by editors/grammars.py.
if exists("b:current_syntax")
  finish
endif

syntax iskeyword @,48-57,_

syntax keyword bamlDeclaration class enum type function client generator test retry_policy template_string
syntax keyword bamlStorage const dynamic let throws watch
syntax keyword bamlFlow assert await break catch catch_all continue else for if in match return spawn throw while
syntax keyword bamlWordOperator instanceof is
syntax keyword bamlType bool float int map never string unknown audio image pdf video
syntax keyword bamlBoolean true false null
syntax keyword bamlSetting prompt provider options
syntax keyword bamlSelf self

syntax match bamlName
      \ "\(\<\%(class\|enum\|type\|client\%(<llm>\)\?\|generator\|test\|retry_policy\)\s\+\)\@<=\h\w*"
syntax match bamlCall "\h\w*\ze\s*("
      \ contains=bamlDeclaration,bamlStorage,bamlFlow,bamlWordOperator,bamlType,bamlBoolean
syntax match bamlFunction "\(\<\%(function\|template_string\)\s\+\)\@<=\h\w*"
syntax match bamlAttribute "@@\?\h[[:alnum:]_.]*"
syntax match bamlEnvironment "\<env\.\h\w*"
syntax match bamlNumber "\<\%(0x[0-9a-fA-F_]\+\|0o[0-7_]\+\|0b[01_]\+\)\>"
syntax match bamlNumber "\<\d[0-9_]*\%(\.\d[0-9_]*\)\?\%([eE][-+]\?\d[0-9_]*\)\?\>"
syntax match bamlOperator "->\|=>\|\.\.\.\|[-+*/%&|^!<>=~?]=\?"

syntax match bamlEscape contained "\\\%([nrtbf0\\\"`$'/]\|x[0-7]\x\|u\x\{4}\|u{\x\{1,6}}\)"
syntax region bamlString start=+"+ skip=+\\.+ end=+"+ contains=bamlEscape
syntax region bamlInterpolation contained matchgroup=Special start=+${+ end=+}+ contains=TOP
syntax region bamlTemplate start=+`+ skip=+\\.+ end=+`+ contains=bamlInterpolation
syntax region bamlRaw start=+\z(#\+\)"+ end=+"\z1+ contains=@bamlJinja

syntax cluster bamlJinja contains=bamlJinjaExpression,bamlJinjaStatement,bamlJinjaComment
syntax region bamlJinjaComment contained start=+{#+ end=+#}+
syntax region bamlJinjaExpression contained matchgroup=PreProc start=+{{-\?+ end=+-\?}}+ contains=@bamlJinjaPart
syntax region bamlJinjaStatement contained matchgroup=PreProc start=+{%-\?+ end=+-\?%}+
      \ contains=bamlJinjaFlow,@bamlJinjaPart
syntax cluster bamlJinjaPart contains=bamlJinjaString,bamlJinjaWord,bamlJinjaBuiltin,bamlJinjaFilter,bamlNumber
syntax keyword bamlJinjaFlow contained block break call continue elif else endblock endcall endfilter endfor endif endmacro endset filter for if macro recursive set with endwith
syntax keyword bamlJinjaWord contained and in is not or
syntax keyword bamlJinjaBuiltin contained ctx _ loop this
syntax match bamlJinjaFilter contained "|\s*\zs\h\w*"
syntax region bamlJinjaString contained start=+"+ skip=+\\.+ end=+"+
syntax region bamlJinjaString contained start=+'+ skip=+\\.+ end=+'+

syntax match bamlComment "//.*$" contains=bamlTodo
syntax match bamlDoc "///.*$" contains=bamlTodo
syntax match bamlHeader "//#.*$"
syntax region bamlComment start="/\*" end="\*/" contains=bamlTodo
syntax keyword bamlTodo contained TODO FIXME XXX

highlight default link bamlDeclaration Keyword
highlight default link bamlStorage StorageClass
highlight default link bamlFlow Statement
highlight default link bamlWordOperator Operator
highlight default link bamlType Type
highlight default link bamlBoolean Boolean
highlight default link bamlSetting Keyword
highlight default link bamlSelf Special
highlight default link bamlName Structure
highlight default link bamlFunction Function
highlight default link bamlCall Function
highlight default link bamlAttribute PreProc
highlight default link bamlEnvironment Constant
highlight default link bamlNumber Number
highlight default link bamlOperator Operator
highlight default link bamlEscape SpecialChar
highlight default link bamlString String
highlight default link bamlTemplate String
highlight default link bamlRaw String
highlight default link bamlJinjaComment Comment
highlight default link bamlJinjaString String
highlight default link bamlJinjaFlow Conditional
highlight default link bamlJinjaWord Operator
highlight default link bamlJinjaBuiltin Special
highlight default link bamlJinjaFilter Function
highlight default link bamlComment Comment
highlight default link bamlDoc SpecialComment
highlight default link bamlHeader Title
highlight default link bamlTodo Todo

syntax sync minlines=200
let b:current_syntax = "baml"
