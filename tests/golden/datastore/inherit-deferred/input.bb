inherit_defer ${WHICH}
A = "recipe"
WHICH = "a"
inherit b
BB_DEFER_BBCLASSES = "late"
inherit late
A .= "-end"
