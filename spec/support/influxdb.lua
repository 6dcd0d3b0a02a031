--- A real InfluxDB 1 of the distribution, and a server that answers writes as a spec says.
local client = require "perigee.http.client"
local daemon = require "spec.support.daemon"
local json = require "perigee.json"
local temporary = require "spec.support.temporary"
local url = require "perigee.http.url"

local influxdb = {}
local methods = {}
local metatable = { __index = methods }

local FILE = "/usr/bin/influxd"

local CONFIGURATION = [[
reporting-disabled = true
bind-address = "%s"
[meta]
  dir = "%s/meta"
[data]
  dir = "%s/data"
  wal-dir = "%s/wal"
[http]
  bind-address = "%s"
  log-enabled = false
[logging]
  level = "error"
[monitor]
  store-enabled = false
]]

--- Starts one and waits until it serves.
function influxdb.start()
    local root = temporary.new()
    local address = daemon.free_address()
    local here = root:join("influx")
    root:write("influxdb.conf", CONFIGURATION:format(daemon.free_address(), here, here, here,
        address))
    local self = setmetatable({ root = root, address = address }, metatable)
    self.daemon = daemon.start(FILE, { "-config", root:join("influxdb.conf") }, address, "/ping")
    return self
end

--- Ends it and removes its data.
function methods:stop()
    self.daemon:kill()
    self.root:destroy()
end

--- The decoded answer of a query in InfluxQL.
function methods:query(text, database)
    local response = assert(client.request({ address = self.address, method = "POST",
        target = "/query?" .. url.encode_query({ q = text, db = database }) }))
    return json.decode(response.body)
end

--- The rows of the first series of an answer, each a list; none when there is no series.
function methods:rows(text, database)
    local result = self:query(text, database).results[1]
    assert(not result.error, result.error)
    return result.series and result.series[1].values or {}
end

return influxdb
