require conf/some.conf
B = "${A}"
