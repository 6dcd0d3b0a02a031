--- No module, but a bug behind four comparisons: chance finds it in 2^32 inputs, and whoever sees
-- which lines ran in some thousands. The suite expects that it is found.
return function(bytes)
    if bytes:byte(1) == 80 then
        if bytes:byte(2) == 101 then
            if bytes:byte(3) == 114 then
                if bytes:byte(4) == 105 then
                    error("the planted bug is found")
                end
            end
        end
    end
end
