--- Two different numbers from 1 to `count`, by chance; `count` is 2 at least.
return function(random, count)
    local a, b = random(count), random(count - 1)
    if b >= a then
        b = b + 1
    end
    return a, b
end
