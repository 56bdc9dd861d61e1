require some.txt
