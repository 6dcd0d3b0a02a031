--- http.files by the real program: what clients get over sockets, and what they never get.
local authority = require "spec.support.authority"
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local seam = require "host"
local temporary = require "spec.support.temporary"

local SITE = [[
local http = require "perigee.http"
local app = http.router()
app:get("/static/*path", http.files("public", { precompressed = true }))
app:get("/plain", function() return "plain" end)
return { http = app, mount = "/" }
]]

local LARGE_SIZE = 2200000000

-- Every spelling of "somewhere else" that a path may have.
local ESCAPES = {
    "../secret.txt", "..%2fsecret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt", "%2E%2E%2Fsecret.txt", ".%2e/secret.txt", "%2e./secret.txt",
    "..%252fsecret.txt", "%252e%252e/secret.txt", "..%5csecret.txt", "..\\secret.txt",
    "..%c0%afsecret.txt", "%c0%ae%c0%ae/secret.txt", "..%ef%bc%8fsecret.txt",
    "..;/secret.txt", "..%00/secret.txt", "..%00", "%00", "hello.txt%00", "hello.txt%00.html",
    "folder/../../secret.txt", "folder/..%2f..%2fsecret.txt", "folder/%2e%2e/%2e%2e/secret.txt",
    "./../secret.txt", ".././secret.txt", "//secret.txt", "/etc/passwd", "//etc/passwd",
    "%2fetc%2fpasswd", "%2Fetc/passwd", "..//secret.txt", "....//secret.txt",
    "file:///etc/passwd", "~root", "C:\\secret.txt", "..\\..\\secret.txt",
    "out.txt", "out/secret.txt", "absolute", "deep/../out.txt", "up/secret.txt", "up/site.lua",
    "magic/etc/passwd", "proc/self/environ", "loop", "around.txt", ".hidden", ".git/config",
    "fifo", "socket", "null",
    "../site.lua", "..%2fsite.lua", "../public/hello.txt",
}

describe("files", function()
    local running
    local directories = {} -- to be removed

    local function shell(command, ...)
        return (authority.run(command, ...))
    end

    local function new_directory()
        local directory = temporary.new()
        directories[#directories + 1] = directory
        return directory
    end

    local function fill(directory)
        local public = directory .. "/public"
        shell("mkdir -p %s/folder %s/.git && cd %s && printf 0123456789 > hello.txt "
            .. "&& printf folder > folder/index.html && printf s > .hidden "
            .. "&& printf s > .git/config && printf '%%1000s' x > long.txt "
            .. "&& printf SECRET > ../secret.txt && printf SECRET > ../around && mkfifo fifo "
            .. "&& ln -s ../secret.txt out.txt && ln -s .. up && ln -s .. out "
            .. "&& ln -s /etc/passwd absolute && ln -s /proc/self/root magic && ln -s /proc proc "
            .. "&& ln -s loop loop && ln -s folder/../../around around.txt "
            .. "&& ln -s hello.txt near.txt && ln -s /dev/null null "
            .. "&& truncate -s %s large.bin && printf end >> large.bin "
            .. "&& head -c 3000000 /dev/urandom > medium.bin", public, public, public,
            LARGE_SIZE)
    end

    local function start(options)
        options = options or {}
        local directory = new_directory()
        directory:write("services/site.lua", SITE)
        fill(directory:join("services"))
        options.directory = directory:join("services")
        running = host.start(options)
        running.own = directory
        return running
    end

    after_each(function()
        host.stop_all()
        for _, directory in ipairs(directories) do
            directory:destroy()
        end
        directories = {}
    end)

    local function get_text(target, fields)
        return ("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(target, fields or "")
    end

    local CLOSE = "Connection: close\r\n"

    local function curl(path, ...)
        local flags = {}
        for i, flag in ipairs({ ... }) do
            flags[i] = "'" .. flag:gsub("%%", "%%%%") .. "'"
        end
        return shell("curl -sS --path-as-is --max-time 60 " .. table.concat(flags, " ") .. " %s",
            running.scheme .. "://" .. running.http .. path)
    end

    -- Memory of the workers, in bytes.
    local function resident_size()
        local size = 0
        for _, pid in ipairs(running.program:children()) do
            local status = seam.read_file(("/proc/%d/status"):format(pid), 65536) or ""
            size = math.max(size, (tonumber(status:match("VmRSS:%s*(%d+)")) or 0) * 1024)
        end
        return size
    end

    local function counters()
        return running:status().workers[1].http
    end

    it("leave nothing out of the folder", function()
        start()
        for _, escape in ipairs(ESCAPES) do
            local text = running:raw("GET /static/" .. escape .. " HTTP/1.1\r\nHost: x\r\n"
                .. CLOSE .. "\r\n")
            local status = text:match("^HTTP/1.1 (%d+)")
            assert.is_true(status == "404" or status == "400", escape .. ": " .. text)
            assert.is_nil(text:find("SECRET", 1, true), escape)
            assert.is_nil(text:find("root:", 1, true), escape)
        end
        assert.matches("0123456789$", running:raw(get_text("/static/near.txt", CLOSE)))
    end)

    it("keep to the folder while links are moved about", function()
        start()
        local public = running.directory .. "/public"
        local is_over = false
        perigee.go(function()
            for i = 1, 200 do
                running.root:link("switch", i % 2 == 0 and public .. "/hello.txt"
                    or running.directory .. "/secret.txt")
                os.rename(running.root:join("switch"), public .. "/switch")
                perigee.sleep(0)
            end
            is_over = true
        end)
        while not is_over do
            assert.is_nil(running:get("/static/switch").body:find("SECRET", 1, true))
        end
    end)

    describe("over", function()
        for _, scheme in ipairs({ "http", "https" }) do
            describe(scheme, function()
                before_each(function()
                    local flags
                    if scheme == "https" then
                        local directory = new_directory()
                        local certificates = authority.new(directory)
                        certificates:make("a", "DNS:a.test")
                        flags = certificates:flags("a")
                    end
                    start({ flags = flags })
                    running.scheme = scheme
                end)

                it("arrive whole", function()
                    assert.equal("same", curl("/static/medium.bin", "-k", "-o",
                        running.own:join("got")) .. shell("cmp %s %s && printf same",
                        running.own:join("got"), running.directory .. "/public/medium.bin"))
                end)

                it("have ranges beyond 2 GB", function()
                    assert.equal("end", curl("/static/large.bin", "-k", "-r",
                        LARGE_SIZE .. "-" .. LARGE_SIZE + 5))
                    assert.equal("end", curl("/static/large.bin", "-k", "-r", "-3"))
                    assert.matches("Content%-Length: " .. LARGE_SIZE + 3 .. "\r\n",
                        curl("/static/large.bin", "-k", "-I"))
                    assert.matches("Content%-Range: bytes %*/" .. LARGE_SIZE + 3 .. "\r\n",
                        curl("/static/large.bin", "-k", "-i", "-r", LARGE_SIZE + 3 .. "-"))
                end)

                it("cost no memory, however slowly they are read", function()
                    curl("/static/medium.bin", "-k", "-o", "/dev/null")
                    local before = resident_size()
                    local output = curl("/static/large.bin", "-k", "-o", "/dev/null",
                        "--limit-rate", "100K", "--max-time", "1", "-w", "%{http_code}")
                    assert.matches("^200", output)
                    assert.is_true(resident_size() - before < 32 * 1024 * 1024)
                    running:wait_until(function()
                        return counters().connections == 0
                    end, "the connection is gone")
                end)

                it("are cut when they get shorter on the way", function()
                    local own = running.directory .. "/public/shrinks.bin"
                    shell("truncate -s 200000000 %s", own)
                    perigee.go(function()
                        running:wait_until(function()
                            return counters().sent_size > 1000000
                        end, "it is being sent")
                        shell("truncate -s 1000 %s", own)
                    end)
                    -- No call that holds up this process's loop.
                    local status, _, log = program.run({ "-sS", "-k", "--max-time", "30", "-o",
                        "/dev/null", "--limit-rate", "50M", scheme .. "://" .. running.http
                        .. "/static/shrinks.bin" }, { file = "/usr/bin/curl" })
                    assert.not_equal(0, status)
                    assert.not_equal(28, status, log)
                    running:wait_until(function()
                        return counters().cut_files == 1
                    end, "the cut is counted")
                end)
            end)
        end
    end)

    it("arrive whole beyond 2 GB", function()
        start()
        running.scheme = "http"
        assert.equal(tostring(LARGE_SIZE + 3), curl("/static/large.bin", "-o", "/dev/null", "-w",
            "%{size_download}"))
    end)

    it("go on when they are replaced on the way", function()
        start()
        local path = running.directory .. "/public/medium.bin"
        local old = assert(seam.read_file(path, 1e7))
        local peer = running:open()
        peer:write(get_text("/static/medium.bin", CLOSE))
        local text = assert(peer:read(perigee.now() + 20))
        shell("printf new > %s.new && mv %s.new %s", path, path, path)
        local part = peer:read(perigee.now() + 20)
        while part do
            text = text .. part
            part = peer:read(perigee.now() + 20)
        end
        peer:close()
        assert.is_true(text:match("\r\n\r\n(.*)$") == old)
        assert.equal("new", running:body("/static/medium.bin"))
    end)

    it("keep the order of pipelined requests", function()
        start()
        local text = running:raw(get_text("/static/medium.bin", "Range: bytes=0-1999999\r\n")
            .. get_text("/plain") .. get_text("/static/hello.txt", "Range: bytes=0-1,8-9\r\n")
            .. get_text("/static/medium.bin", "Range: bytes=1000000-1000009\r\n")
            .. "HEAD /static/medium.bin HTTP/1.1\r\nHost: x\r\n\r\n"
            .. get_text("/static/hello.txt", "Range: bytes=2-4\r\n" .. CLOSE))
        local bytes = assert(seam.read_file(running.directory .. "/public/medium.bin", 1e7))
        local head_end = select(2, text:find("\r\n\r\n", 1, true))
        assert.matches("^HTTP/1.1 206 Partial Content\r\n", text)
        assert.is_true(text:sub(head_end + 1, head_end + 2000000) == bytes:sub(1, 2000000))
        local rest = text:sub(head_end + 2000001)
        assert.matches("^HTTP/1.1 200 OK\r\n.-\r\n\r\nplainHTTP/1.1 206 ", rest)
        assert.is_truthy(rest:find(bytes:sub(1000001, 1000010) .. "HTTP/1.1 200 OK", 1, true))
        assert.matches("HTTP/1.1 206 Partial Content\r\n[^\1]*\r\n\r\n234$", rest)
    end)

    it("are reset for a client that takes nothing for --write-timeout", function()
        start({ flags = { "--write-timeout", "200ms" } })
        local peer = running:open()
        peer:write(get_text("/static/large.bin"))
        running:wait_until(function()
            return counters().connections == 0
        end, "the client is given up")
        assert.equal(1, counters().timeouts)
        peer:close()
    end)

    it("come through another worker", function()
        local directory = new_directory()
        fill(directory:join("services"))
        directory:write("services/site.lua", (SITE:gsub("return { http", "return { replicas = 1, "
            .. "http")))
        running = host.start({ directory = directory:join("services"), workers = 2 })
        running.own = directory
        local bytes = assert(seam.read_file(running.directory .. "/public/medium.bin", 1e7))
        for _ = 1, 10 do
            assert.is_true(running:body("/static/medium.bin") == bytes)
            local part = running:request({ target = "/static/medium.bin", fields = { "Range",
                "bytes=7-11" } })
            assert.equal(206, part.status, part.body)
            assert.equal(bytes:sub(8, 12), part.body)
        end
    end)

    it("are found below a service that is a folder", function()
        local directory = new_directory()
        directory:write("services/shop/init.lua",
            'return { http = require("perigee.http").files("public") }')
        directory:write("services/shop/public/a.txt", "of the shop")
        directory:write("services/public/a.txt", "not of the shop")
        running = host.start({ directory = directory:join("services") })
        running.own = directory
        assert.equal("of the shop", running:body("/shop/a.txt"))
    end)

    it("of other folders are an error at load, and the old version stays", function()
        start()
        running.own:write("services/site.lua", (SITE:gsub('"public"', '"../public"')))
        running:wait_for_log('site.lua:3: http.files: "../public" must name a folder below')
        assert.equal("0123456789", running:body("/static/hello.txt"))
    end)

    -- Runs the host by a script of the shell.
    local function start_by(script)
        local directory = new_directory()
        directory:write("services/site.lua", SITE)
        fill(directory:join("services"))
        directory:write("start", "#!/bin/sh\n" .. script .. "\n")
        shell("chmod 755 %s %s && chmod 0 %s", directory.path, directory:join("start"),
            directory:join("services/public/hello.txt"))
        running = host.start({ directory = directory:join("services"),
            file = directory:join("start") })
        running.own = directory
    end

    it("that the host may not read are 403", function()
        local binary = program.path()
        start_by(("if [ $(id -u) = 0 ]; then exec setpriv --reuid 65534 --regid 65534 "
            .. "--clear-groups %s \"$@\"; fi; exec %s \"$@\""):format(binary, binary))
        assert.equal(403, running:get("/static/hello.txt").status)
        assert.equal(200, running:get("/static/long.txt").status)
    end)

    it("are 503 while no descriptor is left, and come back", function()
        local binary = program.path()
        start_by(("ulimit -n 128; exec %s \"$@\""):format(binary))
        -- With PERIGEE_LUA_PATH, modules are files too: what errors need is to be there before.
        running:request({ target = "/static/long.txt", fields = { "Range", "bytes=9999-" } })
        local peers, refused = {}, 0
        for i = 1, 70 do
            peers[i] = running:open()
        end
        for _, peer in ipairs(peers) do
            peer:write(get_text("/static/large.bin"))
            local text = assert(peer:read(perigee.now() + 20))
            if text:find("^HTTP/1.1 503") then
                refused = refused + 1
                assert.matches("no more files can be opened now", text)
            end
        end
        assert.is_true(refused > 0 and refused < 70)
        for _, peer in ipairs(peers) do
            peer:close()
        end
        running:wait_until(function()
            return running:get("/static/long.txt").status == 200
        end, "files are served again")
    end)
end)
