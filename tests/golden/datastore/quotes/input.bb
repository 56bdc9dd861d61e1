A = 'single "with double"'
B = "double 'with single'"
C = "x" "y"
D = ""
E = ''
F = "a\nb \" c" d"
G = "back\\slash"
