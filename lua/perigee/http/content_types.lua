--- Content types by the extension of a file's name. Pure.
local content_types = {}

local TEXT = {
    ["text/html"] = "html htm",
    ["text/css"] = "css",
    ["text/javascript"] = "js mjs",
    ["text/plain"] = "txt text log",
    ["text/markdown"] = "md",
    ["text/csv"] = "csv",
    ["text/calendar"] = "ics",
    ["text/vtt"] = "vtt",
    ["text/xml"] = "xml",
}

local OTHERS = {
    ["application/json"] = "json map",
    ["application/manifest+json"] = "webmanifest",
    ["application/atom+xml"] = "atom",
    ["application/rss+xml"] = "rss",
    ["application/xhtml+xml"] = "xhtml",
    ["application/pdf"] = "pdf",
    ["application/wasm"] = "wasm",
    ["application/zip"] = "zip",
    ["application/gzip"] = "gz tgz",
    ["application/zstd"] = "zst",
    ["application/x-tar"] = "tar",
    ["image/svg+xml"] = "svg",
    ["image/png"] = "png",
    ["image/jpeg"] = "jpg jpeg",
    ["image/gif"] = "gif",
    ["image/webp"] = "webp",
    ["image/avif"] = "avif",
    ["image/x-icon"] = "ico",
    ["font/woff"] = "woff",
    ["font/woff2"] = "woff2",
    ["font/ttf"] = "ttf",
    ["font/otf"] = "otf",
    ["audio/mpeg"] = "mp3",
    ["audio/ogg"] = "ogg oga",
    ["audio/wav"] = "wav",
    ["audio/flac"] = "flac",
    ["video/mp4"] = "mp4",
    ["video/webm"] = "webm",
}

local DEFAULT = "application/octet-stream"

local by_extension = {}

local function add(types, suffix)
    for content_type, extensions in pairs(types) do
        for extension in extensions:gmatch("%S+") do
            by_extension[extension] = content_type .. suffix
        end
    end
end

add(TEXT, "; charset=utf-8")
add(OTHERS, "")

--- The type for a path.
-- @param own types by extension that go before the table's, or nil
function content_types.of(path, own)
    local extension = path:match("%.([^./]+)$")
    if not extension then
        return DEFAULT
    end
    extension = extension:lower()
    return own and own[extension] or by_extension[extension] or DEFAULT
end

return content_types
