Y = "classes-global"
