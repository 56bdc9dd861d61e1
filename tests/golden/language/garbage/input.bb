hello
<xml attr="x">
A == "b"
A => "b"
if x = "1"; then
