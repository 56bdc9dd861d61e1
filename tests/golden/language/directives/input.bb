include a.inc
require b.inc ${C}
include_all conf/d.conf
inherit e f
inherit_defer ${@g}
addhandler h i
EXPORT_FUNCTIONS do_j do_k
deltask l m # why
addtask n
addtask o p after q t before r before s
addfragments conf/fragments V W X
