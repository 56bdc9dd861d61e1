A = "class"
A:class-target = "class target"
A:append = " +"
A:append:class-native = " native"
