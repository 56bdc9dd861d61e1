IN_CLASS := "${FILE}"
require y.inc
IN_CLASS2 := "${FILE}"
