A .= "-a"
inherit_defer c
