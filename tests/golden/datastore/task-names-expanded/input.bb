X = "ray"
addtask do_${X} after do_one
addtask do_one before do_two
addtask do_two after do_${X}
