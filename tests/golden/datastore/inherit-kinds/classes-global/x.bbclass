X = "classes-global"
