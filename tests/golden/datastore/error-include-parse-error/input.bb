require bad.inc
