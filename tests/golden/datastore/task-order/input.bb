addtask a before c
addtask b before c
addtask c after z
addtask c after y z
deltask z
addtask d before a b after c
