local headers = require "perigee.http.headers"

local function message_of(run, ...)
    local is_fine, message = pcall(run, ...)
    assert.is_false(is_fine)
    return message
end

describe("perigee.http.headers", function()
    describe("read", function()
        local list = headers.new { "Host", "a", "X-Tag", "1", "x-tag", "2", "Set-Cookie", "a=1, b",
            "set-cookie", "c=2", "Cookie", "a=1", "COOKIE", "b=2" }

        it("finds a field without regard to case", function()
            assert.equal("a", list:get "HOST")
            assert.equal("a", list:get "host")
            assert.is_nil(list:get "Accept")
        end)

        it("can be indexed by name", function()
            assert.equal("a", list["host"])
            assert.equal("1, 2", list["X-TAG"])
            assert.is_nil(list["accept"])
            assert.is_nil(list[100])
        end)

        it("joins repeated fields", function()
            assert.equal("1, 2", list:get "x-tag")
        end)

        it("joins Cookie as cookies are separated", function()
            assert.equal("a=1; b=2", list:get "cookie")
        end)

        it("never joins Set-Cookie", function()
            assert.equal("a=1, b", list:get "Set-Cookie")
            assert.same({ "a=1, b", "c=2" }, list:get_all "Set-Cookie")
        end)

        it("returns all values in order", function()
            assert.same({ "1", "2" }, list:get_all "X-Tag")
            assert.same({}, list:get_all "Accept")
        end)

        it("iterates in order with the spelling that was sent", function()
            local seen = {}
            for name, value in headers.new({ "B", "1", "a", "2", "b", "3" }):each() do
                seen[#seen + 1] = name .. "=" .. value
            end
            assert.equal("B=1 a=2 b=3", table.concat(seen, " "))
        end)

        it("is empty when nothing was sent", function()
            for _ in headers.new():each() do
                error("there is no field")
            end
            assert.equal("", headers.new():text())
        end)
    end)

    describe("written", function()
        it("replaces all fields of a name", function()
            local list = headers.new { "A", "1", "B", "2", "a", "3" }
            list:set("A", "4")
            assert.equal("B: 2\r\nA: 4\r\n", list:text())
        end)

        it("adds beside the others", function()
            local list = headers.new()
            list:add("A", "1")
            list:add("a", "2")
            assert.equal("A: 1\r\na: 2\r\n", list:text())
        end)

        it("removes all fields of a name", function()
            local list = headers.new { "A", "1", "B", "2", "a", "3" }
            list:remove "a"
            assert.equal("B: 2\r\n", list:text())
            list:remove "b"
            assert.equal("", list:text())
        end)

        it("takes numbers and prints integers in full", function()
            local list = headers.new()
            list:set("A", 1e15)
            list:set("B", 0.5)
            assert.equal("A: 1000000000000000\r\nB: 0.5\r\n", list:text())
        end)

        it("takes tabs, spaces and bytes above ASCII in values", function()
            local list = headers.new()
            list:set("A", "a\tb c\255")
            assert.equal("a\tb c\255", list:get "A")
        end)
    end)

    describe("refuses", function()
        for _, name in ipairs { "", "A B", "A:", "A\r\nB", "A\0", "Ä", "(", "A/B", "A\127" } do
            it("the name " .. ("%q"):format(name), function()
                local list = headers.new()
                assert.matches("a header name must be a token",
                    message_of(list.set, list, name, "x"))
                assert.matches("a header name must be a token",
                    message_of(list.add, list, name, "x"))
                assert.equal("", list:text())
            end)
        end

        it("a name that is no string", function()
            assert.matches('a header name must be a token, not "nil"',
                message_of(headers.new().set, headers.new(), nil, "x"))
        end)

        it("every control character in a value but the tab, and says where it is", function()
            for code = 0, 127 do
                local problem = headers.problem("X-A", "ab" .. string.char(code) .. "c")
                if (code < 32 and code ~= 9) or code == 127 then
                    assert.equal("the header X-A has a control character at byte 3", problem)
                else
                    assert.is_nil(problem)
                end
            end
        end)

        it("values that are neither strings nor numbers", function()
            for _, value in ipairs { {}, true, print } do
                assert.equal("the header X-A must be a string or a number, not " .. type(value),
                    headers.problem("X-A", value))
            end
            assert.matches("X%-A must be a string or a number, not nil",
                message_of(headers.new().set, headers.new(), "X-A", nil))
        end)

        it("in the line of the caller", function()
            local list = headers.new()
            assert.matches("headers_spec%.lua:%d+: the header X%-A has a control character",
                message_of(function()
                    list:set("X-A", "a\r\nSet-Cookie: b=c")
                end))
        end)

        it("to print a control character of a name in its message", function()
            assert.equal('a header name must be a token, not "A??B"',
                headers.problem("A\r\nB", "x"))
        end)
    end)

    it("knows tokens", function()
        assert.is_true(headers.is_token "!#$%&'*+-.^_`|~09azAZ")
        for _, text in ipairs { "", "a b", "a\"", "a,", "a;", "a=", "a@", "{a}", "a\\", "ä" } do
            assert.is_false(headers.is_token(text))
        end
    end)
end)
