local parameters = require "perigee.http.parameters"

describe("perigee.http.parameters", function()
    it("reads a value without parameters", function()
        assert.same({ "text/html", {} }, { parameters.parse "Text/HTML" })
        assert.same({ "text/html", {} }, { parameters.parse "  text/html  " })
    end)

    it("reads tokens and quoted strings", function()
        assert.same({ "form-data", { name = "a", filename = "b; c.txt" } },
            { parameters.parse 'form-data; name=a;filename="b; c.txt"' })
    end)

    it("does not regard the case of names, but that of values", function()
        assert.same({ "text/html", { charset = "UTF-8" } },
            { parameters.parse "text/html; CharSet=UTF-8" })
    end)

    it("allows spaces around the semicolons only", function()
        assert.same({ "a", { b = "1", c = "2" } }, { parameters.parse "a ; b=1 ;  c=2 " })
        assert.is_nil(parameters.parse "a; b =1")
        assert.is_nil(parameters.parse "a; b= 1")
    end)

    it("unescapes a quote and a backslash, and leaves other backslashes", function()
        assert.same({ "a", { b = 'say "hi" \\ C:\\dir' } },
            { parameters.parse [[a; b="say \"hi\" \\ C:\dir"]] })
    end)

    it("takes an empty quoted string", function()
        assert.same({ "a", { b = "" } }, { parameters.parse 'a; b=""' })
    end)

    for _, text in ipairs { "", " ", ";", "; a=b", "a;", "a; b", "a; b=", 'a; b="', [[a; b="\"]],
        'a; b="c"d', "a; b=c d", "a b", "a; b=1; B=2", "a; =1", "a; b=1;" } do
        it("refuses " .. ("%q"):format(text), function()
            assert.is_nil(parameters.parse(text))
        end)
    end
end)
