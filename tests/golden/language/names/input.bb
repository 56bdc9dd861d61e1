A B = "c"
A@ = "d"
FOO[@x] = "e"
FOO[] = "f"
unset A:o
unset A[f]
unset A[ff]
export A:o
unset
