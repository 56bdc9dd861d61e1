A .= "-late"
