--- Runs a computation of services/compute in a plain Lua, for comparison: compute.lua FOLDER NAME.
-- Prints the seconds of the second run, as the first one compiles.
package.path = arg[1] .. "/?.lua"
local run = require(arg[2])
run()
local before = os.clock()
run()
print(("%.6f"):format(os.clock() - before))
