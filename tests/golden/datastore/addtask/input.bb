addtask do_patch after do_foo after do_unpack before do_configure before do_compile
addtask do_fetch2 do_patch2
addtask plain
addtask plain2
deltask plain2
addtask do_c1# comment
addtask do_c2 # comment
addtask do_gone
deltask do_gone# comment
deltask do_never # comment
addtask do_prefix after prefixless
T = "do_patch2"
NOTHING = ""
deltask do_fetch2 ${T} ${NOTHING}
deltask ${NOTHING}
