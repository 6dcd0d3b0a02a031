local authority = require "spec.support.authority"
local certificates = require "perigee.supervisor.certificates"
local host = require "host"
local log = require "perigee.log"
local temporary = require "spec.support.temporary"

describe("the certificates of a host", function()
    local made, root, settings, told, unsettled_count
    local settle_s, log_error, log_warn = certificates.SETTLE_S, log.error, log.warn

    setup(function()
        root = temporary.new()
        made = authority.new(root)
        made:make("a", "DNS:a.test")
        made:make("b", "DNS:b.test")
    end)

    teardown(function()
        root:destroy()
    end)

    before_each(function()
        told, unsettled_count = {}, 0
        log.error = function(message) told[#told + 1] = message end
        log.warn = log.error
        settings = { certificates = { root:join("served.pem") }, keys = { root:join("served.key") },
            client = "optional" }
        root:write("served.pem", root:read("a.pem"))
        root:write("served.key", root:read("a.key"))
    end)

    after_each(function()
        certificates.SETTLE_S, log.error, log.warn = settle_s, log_error, log_warn
    end)

    local function open()
        return assert(certificates.open(settings, function()
            unsettled_count = unsettled_count + 1
        end))
    end

    it("are not read again while their files are the same", function()
        local opened = open()
        assert.is_false(opened:refresh())
        root:write("served.pem", root:read("a.pem"))
        assert.is_false(opened:refresh())
        assert.equal(0, opened:describe().reloads)
        assert.same({}, told)
    end)

    it("wait for the other half of a pair, and say nothing of the time between", function()
        local opened = open()
        root:write("served.key", root:read("b.key"))
        assert.is_false(opened:refresh())
        assert.is_false(opened:refresh())
        assert.equal(1, unsettled_count)
        assert.is_nil(opened:describe().last_error)
        assert.equal(root:read("a.pem"), opened.options.pairs[1].chain)
        root:write("served.pem", root:read("b.pem"))
        assert.is_true(opened:refresh())
        assert.equal(root:read("b.pem"), opened.options.pairs[1].chain)
        assert.equal(root:read("b.key"), opened.options.pairs[1].key)
        assert.same({ 1, {} }, { opened:describe().reloads, told })
    end)

    it("are told to stay, once, when a pair does not become whole", function()
        local opened = open()
        certificates.SETTLE_S = 0
        root:write("served.key", root:read("b.key"))
        for _ = 1, 5 do
            assert.is_false(opened:refresh())
        end
        assert.equal(1, #told)
        assert.matches("the certificates stay as they are: .*served.key: the key does not belong",
            told[1])
        assert.matches("served.key", opened:describe().last_error.message)
        root:write("served.pem", root:read("b.pem"))
        assert.is_true(opened:refresh())
        assert.is_nil(opened:describe().last_error)
        assert.equal(1, #told)
    end)

    it("begin to wait anew with every change", function()
        local opened = open()
        root:write("served.key", root:read("b.key"))
        opened:refresh()
        root:write("served.pem", "half of a cert")
        opened:refresh()
        assert.equal(2, unsettled_count)
        assert.same({}, told)
    end)

    it("survive that a file is gone for a moment, or for good", function()
        local opened = open()
        certificates.SETTLE_S = 0
        root:remove("served.pem")
        opened:refresh()
        opened:refresh()
        assert.matches("served.pem cannot be read: there is no such file", told[1])
        root:write("served.pem", root:read("a.pem"))
        assert.is_true(opened:refresh())
        assert.equal(1, #told)
    end)

    it("have another ticket key after each reload", function()
        local opened = open()
        local before = opened.options.ticket_key
        assert.equal(80, #before)
        assert.is_true(opened:refresh(true))
        assert.not_equal(before, opened.options.ticket_key)
    end)

    it("are served out of their time, with a warning", function()
        made:make_between("late", "20010101000000Z", "20020101000000Z")
        made:make_between("early", "20480101000000Z", "20490101000000Z")
        for name, warning in pairs({ late = "late.pem has expired on 2002%-01%-01 00:00:00 UTC",
            early = "early.pem is not good before 2048%-01%-01 00:00:00 UTC" }) do
            settings.certificates = { made:path(name .. ".pem") }
            settings.keys = { made:path(name .. ".key") }
            open()
            assert.matches(warning, table.remove(told))
        end
    end)

    it("are opened with a sentence for what is wrong", function()
        settings.client_ca = root:join("nowhere.pem")
        local opened, message = certificates.open(settings, function() end)
        assert.is_nil(opened)
        assert.matches("^TLS: .*nowhere.pem cannot be read: there is no such file$", message)
        settings.client_ca = root:join("a.key")
        assert.matches("a.key: there is no certificate in PEM in it",
            (select(2, certificates.open(settings, function() end))))
        settings.client_ca, settings.keys = nil, { root:join("b.key") }
        assert.matches("b.key: the key does not belong to the certificate in .*served.pem",
            (select(2, certificates.open(settings, function() end))))
        assert(host.make_directory(root:join("folder")))
        settings.keys = { root:join("folder") }
        assert.matches("folder cannot be read: it is a directory",
            (select(2, certificates.open(settings, function() end))))
        root:write("served.key", ("x"):rep(1024 * 1024 + 1))
        settings.keys = { root:join("served.key") }
        assert.matches("served.key cannot be read: it is larger than 1 MB",
            (select(2, certificates.open(settings, function() end))))
    end)
end)
