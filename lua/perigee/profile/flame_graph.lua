--- Draws folded stacks as a flame graph: an SVG picture in one file, which needs nothing else. The
-- width of a frame is how often it was seen, callers are below what they call. Pure.
local flame_graph = {}

local WIDTH, ROW, HEAD, FOOT, MARGIN = 1200, 18, 64, 20, 10
local CHARACTER = 6.4

-- Of the whole; what is narrower cannot be seen.
local LEAST_SHARE = 0.0005

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
    ["'"] = "&#39;" }

-- Bytes that are no text of XML are shown as question marks.
local function escape(text)
    return (text:gsub("[%z\1-\8\11\12\14-\31\127]", "?"):gsub("[&<>\"']", ESCAPES))
end

local function add(node, name, count)
    local child = node.children[name]
    if not child then
        child = { name = name, count = 0, children = {}, list = {} }
        node.children[name] = child
        node.list[#node.list + 1] = child
    end
    child.count = child.count + count
    return child
end

-- The tree of all stacks: every node is a function with what it called.
local function build(stacks)
    local root = { name = "all", count = 0, children = {}, list = {} }
    for _, one in ipairs(stacks) do
        root.count = root.count + one.count
        local node = root
        for name in one.stack:gmatch("[^;]+") do
            node = add(node, name, one.count)
        end
    end
    return root
end

local function depth_of(node, least)
    local depth = 0
    for _, child in ipairs(node.list) do
        if child.count >= least then
            depth = math.max(depth, 1 + depth_of(child, least))
        end
    end
    return depth
end

-- A service's own code is warm, Perigee's cool, and the rest grey.
local function color_of(name)
    local hue, saturation, lightness = 0, 0, 78
    local place = name:match(" (%S+)$") or ""
    local spread = 0
    for i = 1, #name do
        spread = (spread * 31 + name:byte(i)) % 997
    end
    if place:find("^perigee[/.]") then
        hue, saturation, lightness = 200 + spread % 30, 38, 76
    elseif place ~= "" and place ~= "[C]" and not name:find("^%(") then
        hue, saturation, lightness = 18 + spread % 32, 88, 66
    end
    return ("hsl(%d,%d%%,%d%%)"):format(hue, saturation, lightness)
end

local function shorten(name, width)
    local room = math.floor((width - 6) / CHARACTER)
    if room < 3 then
        return ""
    end
    return #name <= room and name or name:sub(1, room - 1):gsub("[\128-\255]+$", "") .. "…"
end

local function draw_frame(out, picture, node, start, depth)
    local x, width = start * picture.scale, node.count * picture.scale
    local y = picture.height - FOOT - (depth + 1) * ROW
    local name = escape(node.name)
    out[#out + 1] = ('<g class="frame" tabindex="0" data-name="%s" data-start="%d" '
        .. 'data-count="%d" data-depth="%d"><title>%s: %d samples, %.1f %%</title>'
        .. '<rect x="%.2f" y="%d" width="%.2f" height="%d" fill="%s"/>'
        .. '<text x="%.2f" y="%d">%s</text></g>\n'):format(name, start, node.count, depth, name,
        node.count, 100 * node.count / picture.total, x, y, width, ROW - 1, color_of(node.name),
        x + 3, y + 13, escape(shorten(node.name, width)))
end

local function by_name(a, b)
    return a.name < b.name
end

local function draw(out, picture, node, start, depth)
    draw_frame(out, picture, node, start, depth)
    table.sort(node.list, by_name)
    for _, child in ipairs(node.list) do
        if child.count >= picture.least then
            draw(out, picture, child, start, depth + 1)
        end
        start = start + child.count
    end
end

local STYLE = [[
svg { background: #fdfdfb; font: 11px ui-monospace, Menlo, Consolas, monospace; }
text { fill: #1c1c1c; pointer-events: none; }
.frame { cursor: pointer; }
.frame:hover rect, .frame:focus rect { stroke: #1c1c1c; stroke-width: 1; }
.frame:focus { outline: none; }
.found rect { fill: #c13bd8; }
.found text { fill: #ffffff; }
.title { font-size: 15px; font-weight: 600; }
.button { cursor: pointer; pointer-events: auto; text-decoration: underline; }
]]

local PICTURE = [=[
<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" %s>
<title>%s</title>
<style>%s</style>
<text class="title" x="%d" y="24">%s</text>
<text x="%d" y="44">%s</text>
<text id="all" class="button" x="%d" y="24">all</text>
<text id="search" class="button" x="%d" y="24">search</text>
<text id="said" x="%d" y="44" text-anchor="end"></text>
<g transform="translate(%d,0)">
%s</g>
<script><![CDATA[
%s]]></script>
</svg>
]=]

--- Makes the picture.
-- @param stacks a list of { stack =, count = }
-- @param options title; subtitle; script, the text of flame_graph.js
-- @return the text of an SVG file. Functions that were seen too seldom to be visible are left out.
function flame_graph.draw(stacks, options)
    local root = build(stacks)
    local total = math.max(1, root.count)
    local least = math.max(1, total * LEAST_SHARE)
    local picture = { total = total, least = least, scale = WIDTH / total,
        height = HEAD + FOOT + (1 + depth_of(root, least)) * ROW }
    local out = {}
    if root.count > 0 then
        draw(out, picture, root, 0, 0)
    end
    local full = WIDTH + 2 * MARGIN
    local title = escape(options.title)
    return PICTURE:format(full, picture.height, full, picture.height,
        ('data-total="%d" data-width="%d"'):format(total, WIDTH), title, STYLE, MARGIN, title,
        MARGIN, escape(root.count > 0 and options.subtitle
            or "no samples: the service computed nothing in this time"),
        full - 110, full - 70, full - MARGIN, MARGIN, table.concat(out), options.script)
end

return flame_graph
