OVERRIDES = "class-target:pn-x:forcevariable"
inherit c
A = "recipe"
A:pn-x:class-target = "double"
A:forcevariable = "forced"
