A = "b" # comment
C = "d";
E = "f"g"
H = 'i'j'
