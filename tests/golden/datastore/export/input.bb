export A
A = "1"
export B = "2"
export C ?= "3"
exportD = "4"
export E += "5"
