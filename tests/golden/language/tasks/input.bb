addtask
addtask # nothing
addtask after a
addtask b after
addtask c after d before
addtask e before after f
addtask do_g:append_h
deltask # none
addtask i:append after j
