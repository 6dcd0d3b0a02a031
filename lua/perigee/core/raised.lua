--- What code that was called protected has raised: kept with the place where it was, and told.
local raised = {}

--- The text of any value, also where showing it fails.
function raised.text(value)
    local is_text, text = pcall(tostring, value)
    return is_text and text or "an error that cannot be shown"
end

--- Makes a function for xpcall. What `is_meant(value)` says was meant for whoever asked is passed
-- through; the rest is kept for raised.describe. It runs where the error was raised, while the
-- stack is still there. After an overflow little room is left, so it does only what cannot be done
-- later.
function raised.catcher(is_meant)
    return function(value)
        if is_meant and is_meant(value) then
            return value
        end
        return { raised = value, traceback = debug.traceback("", 2) }
    end
end

--- Message and traceback of what a catcher has kept. Errors that Lua does not show to it, such as
-- running out of memory, are texts and have no traceback. `file`, the short_src of whoever called:
-- the frames from there on are left out.
function raised.describe(caught, file)
    if type(caught) ~= "table" then
        return raised.text(caught)
    end
    local traceback = caught.traceback:sub(2)
    local own = file and traceback:find("\n[^\n]*" .. file:gsub("%p", "%%%0") .. ":")
    if own then
        traceback = traceback:sub(1, own - 1)
    end
    return raised.text(caught.raised), (traceback:gsub("\n%s*%[C%][^\n]*$", ""))
end

return raised
