--- Figures of the faults that spec/faults makes, for the table of docs/faults.md. The program
-- tools/bench/faults names a file in PERIGEE_FAULT_FIGURES, and each spec adds its lines.
local fault_figures = {}

--- Adds one line.
-- @param fault what was done
-- @param lost what clients lost
-- @param reported what the host said of it
-- @param recovered_s after how many seconds all was as before; or a text
function fault_figures.add(fault, lost, reported, recovered_s)
    local path = os.getenv("PERIGEE_FAULT_FIGURES")
    if not path then
        return
    end
    local file = assert(io.open(path, "a"))
    local recovered = type(recovered_s) == "number"
        and (recovered_s < 1 and ("%.0f ms"):format(recovered_s * 1000)
            or ("%.1f s"):format(recovered_s)) or recovered_s
    file:write(("| %s | %s | %s | %s |\n"):format(fault, lost, reported, recovered))
    file:close()
end

return fault_figures
