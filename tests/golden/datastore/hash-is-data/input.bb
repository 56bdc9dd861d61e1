A = "x # y"
B = "#"
#C = "no"
