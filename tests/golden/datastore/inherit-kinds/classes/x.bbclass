X = "classes"
