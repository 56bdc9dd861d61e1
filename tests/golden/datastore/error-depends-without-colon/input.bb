do_x[depends] = "zlib"
addtask x
