autocmd BufRead,BufNewFile *.baml setfiletype baml
