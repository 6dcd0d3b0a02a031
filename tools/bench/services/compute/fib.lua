--- Calls: the Fibonacci numbers as nobody should compute them.
local function fib(n)
    if n < 2 then
        return n
    end
    return fib(n - 1) + fib(n - 2)
end

return function()
    assert(fib(37) == 24157817)
end
