inherit a
A .= "b"
