--- However the bytes of a client are split, they get the same answers. The requests are those of
-- spec/support/http_corpus.lua and the seeds of the fuzz targets.
--
-- A piece is surely read by itself when another connection of the same worker was answered after it
-- was sent.
local host = require "spec.support.host"
local http_corpus = require "spec.support.http_corpus"
local seam = require "host"

local SEEDS = "spec/fuzz/corpus"
local SCRIPT_SIZES = { http1_connection = 16, http1_head = 1 } -- what seeds have before the bytes
local MAX_SEED_SIZE = 64 * 1024

-- Whether a client is invited to send its body depends on whether it has done so.
local function normalize(answers)
    return (answers:gsub("\r\nDate: [^\r]+", ""):gsub("HTTP/1%.1 100 Continue\r\n\r\n", ""))
end

local function seeds()
    local inputs = {}
    for target, script_size in pairs(SCRIPT_SIZES) do
        for _, name in ipairs(assert(seam.list_directory(SEEDS .. "/" .. target))) do
            local bytes = assert(seam.read_file(("%s/%s/%s"):format(SEEDS, target, name),
                MAX_SEED_SIZE))
            inputs[#inputs + 1] = { target .. "/" .. name, bytes:sub(script_size + 1) }
        end
    end
    return inputs
end

-- Who answers before the body is there may answer what a broken body would have made a 400.
local READER = [[
return { mount = "/", http = function(request)
    local body, code = request:body()
    return 200, { request.method, request.target, body or code }
end }
]]

describe("however bytes are split,", function()
    local running, witness

    after_each(host.stop_all)

    local function settle()
        assert.truthy(assert(witness:request({ target = "/" })).status)
    end

    local function open_many(count)
        local peers = {}
        for i = 1, count do
            peers[i] = running:open()
        end
        return peers
    end

    -- One that was refused takes no more: what it says is what counts.
    local function finish(peer, rest)
        peer:write(rest)
        peer:shutdown()
        return normalize(running.read_all(peer))
    end

    local function check_pairs(bytes, whole)
        local peers = open_many(#bytes - 1)
        for i, peer in ipairs(peers) do
            peer:write(bytes:sub(1, i))
        end
        settle()
        for i, peer in ipairs(peers) do
            local answers = finish(peer, bytes:sub(i + 1))
            if answers ~= whole then
                error(("split behind byte %d of %q, the answers are %q instead of %q"):format(i,
                    bytes, answers, whole))
            end
        end
    end

    local function check_single_bytes(inputs, wholes)
        local peers, longest = open_many(#inputs), 0
        for _, input in ipairs(inputs) do
            longest = math.max(longest, #input[2])
        end
        for i = 1, longest do
            for k, peer in ipairs(peers) do
                if i <= #inputs[k][2] then
                    peer:write(inputs[k][2]:sub(i, i))
                end
            end
            settle()
        end
        for k, peer in ipairs(peers) do
            assert.equal(wholes[k], finish(peer, ""), inputs[k][1])
        end
    end

    for name, part in pairs({
        ["the rules"] = { http_corpus.SERVICE, http_corpus.cases },
        ["the seeds of the fuzz targets"] = { READER, seeds() },
    }) do
        it("requests of " .. name .. " get the same answers", function()
            local service, inputs = unpack(part)
            running = host.start({ services = { ["service.lua"] = service } })
            witness = running:connect()
            local wholes = {}
            for k, input in ipairs(inputs) do
                wholes[k] = normalize(running:raw(input[2], true))
                check_pairs(input[2], wholes[k])
            end
            check_single_bytes(inputs, wholes)
        end)
    end
end)
