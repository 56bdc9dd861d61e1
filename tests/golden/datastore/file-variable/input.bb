IN_RECIPE := "${FILE}"
require x.inc
inherit c
AFTER := "${FILE}"
