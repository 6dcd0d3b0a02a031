--- Runs a shell command and returns all it printed and its exit status.
return function(command)
    local pipe = io.popen(command .. " 2>&1; echo \" $?\"")
    local output = pipe:read("*a")
    pipe:close()
    local text, status = output:match("^(.*) (%d+)\n$")
    return text, tonumber(status)
end
