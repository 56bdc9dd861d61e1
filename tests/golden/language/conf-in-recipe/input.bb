addpylib a b
addfragments a
include
