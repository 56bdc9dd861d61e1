LIST = "one.inc two.inc"
require ${LIST}
EMPTY = ""
require ${EMPTY}
