Y = "classes"
