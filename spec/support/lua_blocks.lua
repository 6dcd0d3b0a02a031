--- The blocks of Lua on a page of docs/, in order.
-- @param path of the page
return function(path)
    local file = assert(io.open(path))
    local text = file:read "*a"
    file:close()
    local blocks = {}
    for block in text:gmatch("\n```lua\n(.-)```\n") do
        blocks[#blocks + 1] = block
    end
    return blocks
end
