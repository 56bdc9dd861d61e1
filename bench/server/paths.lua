-- For wrk: asks for the paths of a file in turn, by the method in METHOD.
local paths = {}
for line in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = line end
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format(os.getenv("METHOD"), paths[at])
end
