local pattern = require "perigee.http.pattern"

local function shape(text)
    local pieces = {}
    for _, segment in ipairs(assert(pattern.parse(text))) do
        pieces[#pieces + 1] = segment.kind .. ":" .. (segment.text or segment.name)
    end
    return table.concat(pieces, " ")
end

describe("perigee.http.pattern", function()
    it("reads static segments, parameters and a rest", function()
        assert.equal("static:", shape "/")
        assert.equal("static:users param:id static:files rest:path", shape "/users/:id/files/*path")
        assert.equal("static:a static:", shape "/a/")
    end)

    it("takes plain text as it is", function()
        assert.equal("static:a b static:é static:v1:x static:a.b-c_d~",
            shape "/a b/é/v1:x/a.b-c_d~")
    end)

    it("takes names of letters, digits and underscores", function()
        assert.equal("param:_a1 rest:B_2", shape "/:_a1/*B_2")
    end)

    local malformed = {
        { nil, "it must be a string, not nil" },
        { 42, "it must be a string, not number" },
        { "", 'it must begin with "/"' },
        { "users", 'it must begin with "/"' },
        { "/a//b", "it has an empty segment" },
        { "//", "it has an empty segment" },
        { "/:", '":" needs a name of letters, digits and "_"' },
        { "/*", '"*" needs a name of letters, digits and "_"' },
        { "/:a-b", '":a-b" needs a name of letters, digits and "_"' },
        { "/:1", '":1" needs a name of letters, digits and "_"' },
        { "/:id.json", '":id.json" needs a name of letters, digits and "_"' },
        { "/a*", '"*" may only begin a segment' },
        { "/a*b/c", '"*" may only begin a segment' },
        { "/*rest/a", '"*rest" must be the last segment' },
        { "/*rest/", '"*rest" must be the last segment' },
        { "/:a/:a", 'it has the name "a" twice' },
        { "/:a/*a", 'it has the name "a" twice' },
        { "/a%20b", 'it must be the plain path, without "%"' },
        { "/a?b=c", 'it must be the plain path, without "?"' },
        { "/a#b", 'it must be the plain path, without "#"' },
        { "/a\r\n", 'it must be the plain path, without "\\?"' },
    }
    for _, case in ipairs(malformed) do
        it("refuses " .. ("%q"):format(tostring(case[1])), function()
            local segments, problem = pattern.parse(case[1])
            assert.is_nil(segments)
            assert.equal(case[2], problem)
        end)
    end
end)
