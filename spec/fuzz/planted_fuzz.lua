--- No module, but a bug behind six comparisons: chance finds it in 2^48 inputs, and whoever sees
-- which lines ran in some thousands. The suite expects that it is found.
return function(bytes)
    if bytes:byte(1) == 80 then
        if bytes:byte(2) == 101 then
            if bytes:byte(3) == 114 then
                if bytes:byte(4) == 105 then
                    if bytes:byte(5) == 103 then
                        if bytes:byte(6) == 101 then
                            error("the planted bug is found")
                        end
                    end
                end
            end
        end
    end
end
