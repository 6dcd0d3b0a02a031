--- Raises an error, in the line that called balancer:pick, when `key` is none.
return function(key)
    if type(key) ~= "string" then
        error("balancer:pick: this policy goes by a key, a string, got " .. type(key), 4)
    end
end
