local flags = require "perigee.cli.flags"

local OPTIONS = {
    { name = "http", kind = "text", value = "ADDRESS", default = "127.0.0.1:8080", help = "where" },
    { name = "max-body", kind = "size", value = "SIZE", default = 1024, help = "how much" },
    { name = "shared", kind = "size", value = "SIZE", default = 0, is_zero_allowed = true,
        help = "how much together" },
    { name = "drain", kind = "duration", value = "TIME", default = 30, help = "how long" },
    { name = "slice", kind = "count", value = "MS", default = 5, help = "turn",
        least = 1, most = 1000 },
    { name = "listen", kind = "address", value = "ADDRESS", help = "and here" },
    { name = "else_where", kind = "address", other = "off", value = "ADDRESS", help = "or not" },
    { name = "watch", kind = "switch", default = true, help = "look" },
    { name = "dev", kind = "switch", default = false, short = "d", help = "show" },
    { name = "level", kind = "choice", choices = { "low", "high" }, value = "LEVEL",
        default = "low", help = "how loud" },
    { name = "path", kind = "list", value = "DIR:...", default = {}, shown_default = "none",
        help = "where else" },
}

local function nothing()
    return nil
end

describe("perigee.cli.flags", function()
    describe("parse_arguments", function()
        local function parse(...)
            return flags.parse_arguments(OPTIONS, { ... })
        end

        local function refuse(pattern, ...)
            local values, message = parse(...)
            assert.is_nil(values)
            assert.matches(pattern, message)
        end

        it("takes a value from the next argument or after an equals sign", function()
            assert.same({ http = "a:1", drain = 3 }, (parse("--http", "a:1", "--drain=3")))
            assert.same({ http = "a=b" }, (parse("--http=a=b")))
        end)

        it("gives the positional arguments, and after -- only those", function()
            local values, positional = parse("one", "--dev", "two", "--", "--http")
            assert.same({ dev = true }, values)
            assert.same({ "one", "two", "--http" }, positional)
        end)

        it("takes a size of 0 only where that is allowed", function()
            refuse("%-%-max%-body must be a size such as 64MB, got '0'", "--max-body", "0")
            assert.same({ shared = 0 }, (parse("--shared", "0")))
            assert.same({ shared = 1024 }, (parse("--shared", "1KB")))
        end)

        it("takes a lone dash as positional", function()
            assert.same({ "-" }, (select(2, parse("-"))))
        end)

        it("takes switches, their opposite, and their value", function()
            assert.same({ dev = true }, (parse("--dev")))
            assert.same({ dev = true }, (parse("-d")))
            assert.same({ watch = false }, (parse("--no-watch")))
            assert.same({ watch = false }, (parse("--watch=false")))
            assert.same({ watch = true }, (parse("--watch=1")))
            refuse("%-%-no%-watch takes no value", "--no-watch=true")
            refuse("%-%-watch must be true or false, got 'maybe'", "--watch=maybe")
        end)

        it("lets the last of two win", function()
            assert.same({ http = "b", watch = true },
                (parse("--http", "a", "--no-watch", "--http", "b", "--watch")))
        end)

        it("reads numbers, times, sizes, choices and lists", function()
            assert.same({ slice = 7 }, (parse("--slice", "7")))
            assert.same({ drain = 0.25 }, (parse("--drain", "250ms")))
            assert.same({ drain = 120 }, (parse("--drain", "2m")))
            assert.same({ drain = 1.5 }, (parse("--drain", "1.5s")))
            assert.same({ ["max-body"] = 2 * 1024 * 1024 }, (parse("--max-body", "2MB")))
            assert.same({ level = "high" }, (parse("--level", "high")))
            assert.same({ path = { "a", "b/c" } }, (parse("--path", "a:b/c")))
        end)

        it("refuses values that are none", function()
            refuse("%-%-slice must be a whole number, got '1.5'", "--slice", "1.5")
            refuse("%-%-slice must be from 1 to 1000, got '%-1'", "--slice=-1")
            refuse("%-%-slice must be a whole number, got 'nan'", "--slice=nan")
            refuse("%-%-slice must be from 1 to 1000, got '0'", "--slice", "0")
            refuse("%-%-slice must be a whole number, got 'inf'", "--slice", "inf")
            refuse("%-%-drain must be a time such as 250ms, 10s or 2m, got '3h'", "--drain", "3h")
            refuse("%-%-drain must be a time", "--drain", "1.2.3")
            refuse("%-%-max%-body must be a size such as 64MB, got 'big'", "--max-body", "big")
            refuse("%-%-level must be one of low, high, got 'loud'", "--level", "loud")
            refuse("%-%-http must be a text, got ''", "--http=")
        end)

        it("refuses values nobody can count in", function()
            refuse("%-%-max%-body must be from 1 byte to 4095MB, got '99999999999'",
                "--max-body", "99999999999")
            refuse("%-%-max%-body must be from 1 byte to 4095MB, got '4GB'", "--max-body", "4GB")
            refuse("%-%-drain must be from 0s to 2592000s, got '99999999'", "--drain", "99999999")
        end)

        it("counts times in whole milliseconds, upwards", function()
            assert.same({ drain = 0.001 }, (parse("--drain", "0.0001")))
            assert.same({ drain = 0 }, (parse("--drain", "0")))
        end)

        it("knows addresses when it sees them", function()
            for _, address in ipairs { "127.0.0.1:80", "[::1]:0", ":65535", "unix:/x", "unix:@x",
                "localhost:1" }
            do
                assert.same({ listen = address }, (parse("--listen", address)))
            end
            for _, text in ipairs { "x", "8080", "127.0.0.1", "127.0.0.1:65536", ":", "unix:",
                "off", "1.2.3:4", "256.0.0.1:80", "[::1:80", "[::g]:80", "::1:80",
                "a.example:80" } do
                refuse("%-%-listen must be an address such as .* unix:/path, got", "--listen",
                    text)
            end
        end)

        it("knows the one word that is no address", function()
            assert.same({ else_where = "off" }, (parse("--else_where", "off")))
            refuse("must be an address such as .*, or off, got 'of'", "--else_where", "of")
        end)

        it("refuses a flag without its value", function()
            refuse("%-%-http needs a value: where", "--http")
        end)

        it("refuses an unknown flag and names the nearest", function()
            refuse("there is no flag %-%-htpp: did you mean %-%-http%?", "--htpp", "x")
            refuse("there is no flag %-%-no%-wach: did you mean %-%-no%-watch%?", "--no-wach")
            refuse("there is no flag %-%-frobnicate; see perigee %-%-help", "--frobnicate")
            refuse("there is no flag %-x", "-x")
        end)
    end)

    describe("complete", function()
        it("fills in the defaults", function()
            local values = {}
            assert.is_true(flags.complete(OPTIONS, values, nothing))
            assert.same({ http = "127.0.0.1:8080", ["max-body"] = 1024, shared = 0, drain = 30,
                slice = 5, watch = true, dev = false, level = "low", path = {} }, values)
        end)

        it("prefers a flag to the environment, that to the file, that to the default", function()
            local environment = { PERIGEE_HTTP = "environment", PERIGEE_DRAIN = "1s" }
            local file = { http = "file", drain = 2, max_body = "3KB" }
            local values = { http = "flag" }
            assert.is_true(flags.complete(OPTIONS, values, function(name)
                return environment[name]
            end, file, "settings.lua"))
            assert.equal("flag", values.http)
            assert.equal(1, values.drain)
            assert.equal(3072, values["max-body"])
            assert.equal(5, values.slice)
        end)

        it("keeps a switch that was turned off", function()
            local values = { watch = false }
            flags.complete(OPTIONS, values, nothing, { watch = true }, "settings.lua")
            assert.is_false(values.watch)
            values = {}
            flags.complete(OPTIONS, values, nothing, { watch = false, dev = true }, "settings.lua")
            assert.is_false(values.watch)
            assert.is_true(values.dev)
        end)

        it("says where a wrong value stands", function()
            local is_ok, message = flags.complete(OPTIONS, {}, function(name)
                return name == "PERIGEE_MAX_BODY" and "big" or nil
            end)
            assert.is_nil(is_ok)
            assert.equal("the environment's PERIGEE_MAX_BODY must be a size such as 64MB, "
                .. "got 'big'", message)
            is_ok, message = flags.complete(OPTIONS, {}, nothing, { max_body = {} }, "settings.lua")
            assert.is_nil(is_ok)
            assert.matches("^settings%.lua: max_body must be a size such as 64MB, got 'table",
                message)
        end)
    end)

    it("takes texts that are numbers, and lists, from a file", function()
        local values = {}
        assert.is_true(flags.complete(OPTIONS, values, nothing, { http = 7, path = { "a:b", 1 } }))
        assert.equal("7", values.http)
        assert.same({ "a:b", "1" }, values.path)
        local is_ok, message = flags.complete(OPTIONS, {}, nothing, { path = { {} } },
            "settings.lua")
        assert.is_nil(is_ok)
        assert.matches("^settings%.lua: path must be a list of texts, got", message)
    end)

    it("checks the keys of a file", function()
        assert.is_true(flags.check_keys(OPTIONS, { max_body = 1, http = "x" }, "settings.lua"))
        local function refuse(file, message)
            assert.same({ nil, message }, { flags.check_keys(OPTIONS, file, "settings.lua") })
        end
        refuse({ max_bdy = 1 },
            "settings.lua: there is no setting 'max_bdy': did you mean 'max_body'?")
        refuse({ "x" }, "settings.lua: there is no setting '1'")
    end)

    it("names variables and keys", function()
        assert.equal("PERIGEE_MAX_BODY", flags.variable_of({ name = "max-body" }))
        assert.equal("max_body", flags.key_of({ name = "max-body" }))
    end)

    it("describes each option with its default", function()
        local text = flags.describe(OPTIONS)
        assert.matches("  %-%-http ADDRESS +where %[127%.0%.0%.1:8080%]\n", text)
        assert.matches("  %-%-watch +look\n", text)
        assert.matches("  %-%-path DIR:%.%.%. +where else %[none%]$", text)
    end)
end)
