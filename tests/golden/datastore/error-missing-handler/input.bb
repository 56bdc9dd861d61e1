addhandler nobody
