inherit a b
inherit a
A .= "-recipe"
