--- Builds small trees that break one rule each and reads what the check says about them.

local shell = dofile "spec/tools/shell.lua"

local function write_tree(root, files)
    for path, text in pairs(files) do
        local full = root .. "/" .. path
        shell(("mkdir -p '%s'"):format(full:match("^(.*)/")))
        local file = assert(io.open(full, "w"))
        file:write(text)
        file:close()
    end
end

describe("the layer check", function()
    local root

    before_each(function()
        root = shell("mktemp -d"):gsub("\n", "")
    end)

    after_each(function()
        shell(("rm -rf '%s'"):format(root))
    end)

    local function check(files)
        write_tree(root, files)
        return shell(("lua5.1 tools/check_layers.lua '%s'"):format(root))
    end

    local function assert_passes(files)
        local text, status = check(files)
        assert.equal("", text)
        assert.equal(0, status)
    end

    -- `expected` is all of the one line that is printed.
    local function assert_fails(expected, files)
        local text, status = check(files)
        assert.equal(expected .. "\n", text)
        assert.equal(1, status)
    end

    describe("of includes", function()
        it("accepts arrows that point down, also over several layers", function()
            assert_passes {
                ["host/base/list.h"] = "#include <stddef.h>\n",
                ["host/os/loop.c"] = "#include <uv.h>\n#include \"base/list.h\"\n",
                ["host/bind/bind.c"] = "#include <lua.h>\n#include \"base/list.h\"\n",
            }
        end)

        it("refuses an arrow that points up", function()
            assert_fails('host/http/a.c:2: http/ must not include "net/stream.h": '
                .. "net/ does not lie below it", {
                ["host/net/stream.h"] = "",
                ["host/http/a.c"] = "\n#include \"net/stream.h\"\n",
            })
        end)

        it("refuses an include without its folder", function()
            assert_fails('host/net/a.c:1: write the folder: #include "net/stream.h"', {
                ["host/net/stream.h"] = "",
                ["host/net/a.c"] = "#include \"stream.h\"\n",
            })
        end)

        it("refuses a header that is not there", function()
            assert_fails('host/net/a.c:1: "net/gone.h" does not exist', {
                ["host/net/a.c"] = "#include \"net/gone.h\"\n",
            })
        end)

        it("refuses a folder that is in no layer", function()
            assert_fails("host/misc/a.c:1: host/misc/ is no layer; "
                .. "add its arrows to tools/check_layers.lua", {
                ["host/misc/a.c"] = "\n",
            })
        end)

        it("refuses lua.h outside of isolate and bind", function()
            assert_fails("host/server/a.c:1: <lua.h> belongs to isolate/, bind/; "
                .. "use what they offer", {
                ["host/server/a.c"] = "#include <lua.h>\n",
            })
        end)

        it("refuses uv.h in base except where errors get their names", function()
            assert_fails("host/base/clock.c:1: <uv.h> belongs to os/, net/, base/error.c; "
                .. "use what they offer", {
                ["host/base/error.c"] = "#include <uv.h>\n",
                ["host/base/clock.c"] = "#  include <uv.h>\n",
            })
        end)

        it("refuses headers of OpenSSL outside of their files", function()
            assert_fails("host/net/stream.c:1: <openssl/ssl.h> belongs to "
                .. "net/tls_client_context.c, net/tls_context.c, net/tls_filter.c, "
                .. "net/tls_pem.c, net/tls_pem.h, net/tls_rules.c, net/tls_rules.h, "
                .. "http/websocket_key.c; use what they offer", {
                ["host/net/stream.c"] = "#include <openssl/ssl.h>\n",
                ["host/net/tls_filter.c"] = "#include <openssl/ssl.h>\n",
            })
        end)

        it("refuses http_parser.h outside of its one file", function()
            assert_fails("host/http/http1_body.c:1: <http_parser.h> belongs to "
                .. "http/http1_head.c; use what they offer", {
                ["host/http/http1_body.c"] = "#include \"http_parser.h\"\n",
            })
        end)
    end)

    describe("of requires", function()
        it("accepts arrows that point down and modules from elsewhere", function()
            assert_passes {
                ["lua/perigee/core/scheduler.lua"] = "local host = require \"host\"\n"
                    .. "coroutine.yield()\n",
                ["lua/perigee/http/server.lua"] = "require('perigee.core.scheduler')\n"
                    .. "require \"lpeg\"\n",
                ["lua/perigee/cli/main.lua"] = "require \"perigee.http.server\"\n",
            }
        end)

        it("does not read comments and long strings", function()
            assert_passes {
                ["lua/perigee/core/a.lua"] = "-- require \"perigee.cli\"\n"
                    .. "--[[ require \"perigee.cli\"\n coroutine.yield() ]]\n"
                    .. "local s = \"coroutine.yield\"\n",
            }
        end)

        it("refuses an arrow that points up", function()
            assert_fails("lua/perigee/http/a.lua:2: http must not require perigee.service.loader: "
                .. "service does not lie below it", {
                ["lua/perigee/http/a.lua"] = "\nlocal x = require(\"perigee.service.loader\")\n",
            })
        end)

        it("refuses an arrow between neighbours", function()
            assert_fails("lua/perigee/log.lua:1: log must not require perigee.json: "
                .. "json does not lie below it", {
                ["lua/perigee/log.lua"] = "require \"perigee.json\"\n",
            })
        end)

        it("refuses the host outside of its faces", function()
            local text, status = check {
                ["lua/perigee/http/router.lua"] = "\n",
                ["services/hello.lua"] = "local host = require \"host\"\n",
            }
            assert.equal(1, status)
            assert.matches("^services/hello.lua:1: the module host is for perigee/core/", text)
        end)

        it("refuses a yield outside of the scheduler", function()
            assert_fails("lua/perigee/core/task.lua:3: only perigee/core/scheduler.lua yields; "
                .. "wait through the scheduler", {
                ["lua/perigee/core/task.lua"] = "\n\nlocal yield = coroutine.yield\n",
            })
        end)

        it("refuses a part that has no rank", function()
            assert_fails("lua/perigee/odd/a.lua:1: odd has no rank; "
                .. "give it one in tools/check_layers.lua", {
                ["lua/perigee/odd/a.lua"] = "\n",
            })
        end)

        it("refuses that a pure module reaches the core through another", function()
            assert_fails("lua/perigee/http/url.lua:1: perigee.http.url is pure, and this reaches "
                .. "perigee.core.task; pass in what it needs", {
                ["lua/perigee/http/url.lua"] = "require \"perigee.http.other\"\n",
                ["lua/perigee/http/other.lua"] = "require \"perigee.core.task\"\n",
            })
        end)
    end)
end)
