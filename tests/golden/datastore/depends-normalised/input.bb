DEPENDS = "  a   b "
DEPENDS:append = " c"
do_x[depends] = "  a:do_y   b:do_z "
addtask x
