include_all conf/extra.inc
