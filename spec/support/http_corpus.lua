--- What clients may send and what they may not, with the answers: a case for each rule of RFC 9112
-- and 9110 that bytes can show. Each is { title, bytes, statuses of the answers in order }; a case
-- whose last status is an error ends its connection there, whatever follows.
-- The service that answers is http_corpus.SERVICE.
local http_corpus = {}

--- Answers every method at every path with what it understood.
http_corpus.SERVICE = [[
local http = require "perigee.http"
local app = http.router()
app:all("/known/*rest", function(request)
    local body, code = request:body()
    if not body then
        return http.body_error(code)
    end
    local trailers = request:trailers()
    return table.concat({ request.method, request.target, request.path, request.version,
        request:header("host") or "-", request:header("x") or "-", body,
        trailers and trailers:get("x-end") or "-" }, "|")
end)
app:get("/only-get", function() return "got" end)
app:get("/empty", function(_, response) return response:no_content() end)
app:get("/same", function(_, response) return response:status(304) end)
app:post("/ignores", function() return "ignored" end)
return { http = app, mount = "/" }
]]

local HOST = "Host: example.org\r\n"

local function get(target, more)
    return ("GET %s HTTP/1.1\r\n%s%s\r\n"):format(target, HOST, more or "")
end

-- A request behind the one that is looked at: "" in an answer list that ends before it.
local NEXT = get("/known/next")

local function with_host(line)
    return "GET /known/ HTTP/1.1\r\n" .. line .. "\r\n" .. NEXT
end

local function post(fields, body)
    return "POST /known/ HTTP/1.1\r\n" .. HOST .. fields .. "\r\n" .. (body or "") .. NEXT
end

local function chunked(body)
    return post("Transfer-Encoding: chunked\r\n", body)
end

local LAST_CHUNK = "0\r\n\r\n"

http_corpus.cases = {
    -- lines
    { "an empty line before the request line is skipped", "\r\n" .. NEXT, { 200 } },
    { "a second empty line is refused", "\r\n\r\n" .. NEXT, { 400 } },
    { "an empty line behind a body is skipped", post("Content-Length: 1\r\n", "a\r\n"),
        { 200, 200 } },
    { "a bare LF ends no line", "GET /known/ HTTP/1.1\nHost: x\n\n" .. NEXT, { 400 } },
    { "a bare CR ends no line", "GET /known/ HTTP/1.1\rHost: x\r\r" .. NEXT, { 400 } },
    { "a bare CR in a value is refused", get("/known/", "X: a\rb\r\n") .. NEXT, { 400 } },
    { "a bare LF in a value is refused", get("/known/", "X: a\nb\r\n") .. NEXT, { 400 } },
    { "a NUL in a value is refused", get("/known/", "X: a\0b\r\n") .. NEXT, { 400 } },
    { "white space before the first field is refused",
        "GET /known/ HTTP/1.1\r\n " .. HOST .. "\r\n" .. NEXT, { 400 } },
    { "obs-fold is refused", get("/known/", "X: a\r\n b\r\n") .. NEXT, { 400 } },
    { "white space before a colon is refused", get("/known/", "X : a\r\n") .. NEXT, { 400 } },
    { "a field without a colon is refused", get("/known/", "X\r\n") .. NEXT, { 400 } },
    { "a field without a name is refused", get("/known/", ": a\r\n") .. NEXT, { 400 } },
    { "a name that is no token is refused", get("/known/", "X(y): a\r\n") .. NEXT, { 400 } },
    { "white space around a value is no part of it", get("/known/", "X: \t a b \t\r\n"), { 200 } },
    { "an empty value is a value", get("/known/", "X:\r\n"), { 200 } },
    { "bytes beyond ASCII are passed on in values", get("/known/", "X: \195\164\255\r\n"),
        { 200 } },
    { "equal names are joined in order", get("/known/", "X: a\r\nx: b\r\n"), { 200 } },
    { "a vertical tab around a value is refused", get("/known/", "X: \va\r\n") .. NEXT, { 400 } },
    { "a DEL in a value is refused", get("/known/", "X: a\127\r\n") .. NEXT, { 400 } },
    { "a NUL in a name is refused", get("/known/", "X\0: a\r\n") .. NEXT, { 400 } },
    { "a byte beyond ASCII in a name is refused", get("/known/", "X\195\164: a\r\n") .. NEXT,
        { 400 } },
    { "a line of white space alone is refused", get("/known/", " \r\n") .. NEXT, { 400 } },
    { "a CR before the CRLF is refused", get("/known/", "X: a\r\r\n") .. NEXT, { 400 } },
    { "two LFs end no head", "GET /known/ HTTP/1.1\r\n" .. HOST .. "\n\n" .. NEXT, { 400 } },
    -- the request line
    { "a simple request of HTTP/0.9 is refused", "GET /known/\r\n\r\n" .. NEXT, { 400 } },
    { "a NUL in a method is refused", "G\0T /known/ HTTP/1.1\r\n" .. HOST .. "\r\n" .. NEXT,
        { 400 } },
    { "a space before the method is refused", " GET /known/ HTTP/1.1\r\n" .. HOST .. "\r\n"
        .. NEXT, { 400 } },
    { "what begins with the bytes of TLS is refused", "\22\3\1\0\5hello" .. NEXT, { 400 } },
    { "a backslash is no part of a target", get("/\\\\known/") .. NEXT, { 400 } },
    { "a version behind a version is refused",
        "GET /known/ HTTP/1.1 HTTP/1.1\r\n" .. HOST .. "\r\n" .. NEXT, { 400 } },
    { "a version without its text is refused", "GET /known/ 1.1\r\n" .. HOST .. "\r\n" .. NEXT,
        { 400 } },
    { "two spaces in the request line are refused", "GET  /known/ HTTP/1.1\r\n" .. HOST .. "\r\n",
        { 400 } },
    { "a tab in the request line is refused", "GET\t/known/ HTTP/1.1\r\n" .. HOST .. "\r\n",
        { 400 } },
    { "a space behind the version is refused", "GET /known/ HTTP/1.1 \r\n" .. HOST .. "\r\n",
        { 400 } },
    { "a request line without a version is refused", "GET /known/\r\n" .. HOST .. "\r\n", { 400 } },
    { "a space in the target is refused", "GET /known/a b HTTP/1.1\r\n" .. HOST .. "\r\n",
        { 400 } },
    { "a fragment in the target is refused", get("/known/#a"), { 400 } },
    { "a control character in the target is refused", get("/known/\1"), { 400 } },
    { "a byte beyond ASCII in the target is refused", get("/known/\195\164"), { 400 } },
    { "a broken percent-encoding in the target is refused", get("/known/%4"), { 400 } },
    { "an unknown method is answered 501", "BREW /known/ HTTP/1.1\r\n" .. HOST .. "\r\n" .. NEXT,
        { 501 } },
    { "methods are told by their case", "get /known/ HTTP/1.1\r\n" .. HOST .. "\r\n" .. NEXT,
        { 501 } },
    { "CONNECT is answered 501", "CONNECT example.org:80 HTTP/1.1\r\n" .. HOST .. "\r\n", { 501 } },
    { "a known method without a route is answered 405",
        "PUT /only-get HTTP/1.1\r\n" .. HOST .. "\r\n" .. NEXT, { 405, 200 } },
    { "a known method that is rare reaches its route",
        "PROPFIND /known/ HTTP/1.1\r\n" .. HOST .. "\r\n", { 200 } },
    -- versions
    { "a higher major version is answered 505", "GET / HTTP/2.0\r\n" .. HOST .. "\r\n", { 505 } },
    { "a higher minor version is answered 505", "GET / HTTP/1.2\r\n" .. HOST .. "\r\n", { 505 } },
    { "HTTP/0.9 is answered 505", "GET / HTTP/0.9\r\n" .. HOST .. "\r\n", { 505 } },
    { "the preface of HTTP/2 is answered 505", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", { 505 } },
    { "a version in small letters is refused", "GET / http/1.1\r\n" .. HOST .. "\r\n", { 400 } },
    { "a version of two digits is refused", "GET / HTTP/1.10\r\n" .. HOST .. "\r\n", { 400 } },
    { "HTTP/1.0 needs no Host and closes", "GET /known/ HTTP/1.0\r\n\r\n" .. NEXT, { 200 } },
    { "HTTP/1.0 stays open when asked",
        "GET /known/ HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" .. NEXT, { 200, 200 } },
    { "HTTP/1.0 has no transfer coding",
        "POST /known/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
        .. LAST_CHUNK, { 400 } },
    { "HTTP/1.0 has no 100 Continue", "POST /known/ HTTP/1.0\r\nExpect: 100-continue\r\n"
        .. "Content-Length: 1\r\n\r\na", { 200 } },
    -- targets
    { "an absolute-form is a target", get("http://example.org/known/?a"), { 200 } },
    { "an absolute-form without a path is that of /", get("http://example.org"), { 404 } },
    { "an https URL on a plain connection is answered 421", get("https://example.org/known/"),
        { 421 } },
    { "a URL with another scheme is refused", get("ftp://example.org/known/"), { 400 } },
    { "a URL with a user is refused", get("http://user@example.org/known/"), { 400 } },
    { "a URL without a host is refused", get("http:///known/"), { 400 } },
    { "an authority is no target but of CONNECT", get("example.org:80"), { 400 } },
    { "OPTIONS * asks the server", "OPTIONS * HTTP/1.1\r\n" .. HOST .. "\r\n" .. NEXT,
        { 204, 200 } },
    { "* is no target of other methods", get("*"), { 400 } },
    { "a URL with other bytes for its host is refused", get("http://a\\b/known/") .. NEXT,
        { 400 } },
    { "a URL of another host than the field's is served as the URL's",
        get("http://other.example/known/") .. NEXT, { 200, 200 } },
    { "OPTIONS * may have a body", "OPTIONS * HTTP/1.1\r\n" .. HOST
        .. "Content-Length: 3\r\n\r\nabc" .. NEXT, { 204, 200 } },
    -- Host
    { "a request without Host is refused", with_host(""), { 400 } },
    { "two Hosts are refused", with_host("Host: a\r\nHost: a\r\n"), { 400 } },
    { "a list of hosts is refused", with_host("Host: a, b\r\n"), { 400 } },
    { "an empty Host is one", with_host("Host:\r\n"), { 200, 200 } },
    { "a Host may have a port", with_host("Host: a:80\r\n"), { 200, 200 } },
    { "a Host may have an empty port", with_host("Host: a:\r\n"), { 200, 200 } },
    { "a port beyond 65535 is refused", with_host("Host: a:65536\r\n"), { 400 } },
    { "a port that is no number is refused", with_host("Host: a:b\r\n"), { 400 } },
    { "a Host of a port alone is refused", with_host("Host: :80\r\n"), { 400 } },
    { "a Host may be percent-encoded", with_host("Host: %c3%a4\r\n"), { 200, 200 } },
    { "a broken percent-encoding in Host is refused", with_host("Host: %c\r\n"), { 400 } },
    { "a Host may be an IPv6 address", with_host("Host: [::1]:80\r\n"), { 200, 200 } },
    { "an IPv6 address without brackets is refused", with_host("Host: ::1\r\n"), { 400 } },
    { "a malformed IPv6 address is refused", with_host("Host: [::1::2]\r\n"), { 400 } },
    { "an IPv6 address without its end is refused", with_host("Host: [::1\r\n"), { 400 } },
    { "a path in Host is refused", with_host("Host: a/b\r\n"), { 400 } },
    { "a user in Host is refused", with_host("Host: a@b\r\n"), { 400 } },
    { "a space in Host is refused", with_host("Host: a b\r\n"), { 400 } },
    -- lengths
    { "a length frames a body", post("Content-Length: 3\r\n", "abc"), { 200, 200 } },
    { "leading zeros of a length are digits", post("Content-Length: 003\r\n", "abc"),
        { 200, 200 } },
    { "a length with a sign is refused", post("Content-Length: +3\r\n", "abc"), { 400 } },
    { "a negative length is refused", post("Content-Length: -3\r\n", "abc"), { 400 } },
    { "a list of lengths is refused", post("Content-Length: 3,3\r\n", "abc"), { 400 } },
    { "two lengths are refused, equal or not",
        post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), { 400 } },
    { "a length in hexadecimal is refused", post("Content-Length: 0x3\r\n", "abc"), { 400 } },
    { "a length with a space inside is refused", post("Content-Length: 3 3\r\n", "abc"), { 400 } },
    { "an empty length is refused", post("Content-Length:\r\n", "abc"), { 400 } },
    { "a length beyond 64 bits is refused", post("Content-Length: 18446744073709551616\r\n"),
        { 400 } },
    { "a length beyond the limit is answered 413", post("Content-Length: 99999999999\r\n"),
        { 413 } },
    { "GET may have a body", get("/known/", "Content-Length: 3\r\n") .. "abc" .. NEXT,
        { 200, 200 } },
    { "no length and no coding is no body", post("", ""), { 200, 200 } },
    { "a length behind a tab is a length", post("Content-Length:\t3\r\n", "abc"), { 200, 200 } },
    { "a length behind a vertical tab is refused", post("Content-Length: \v3\r\n", "abc"),
        { 400 } },
    { "a length before a colon with white space is refused",
        post("Content-Length : 3\r\n", "abc"), { 400 } },
    { "a length with a comma alone is refused", post("Content-Length: 3,\r\n", "abc"), { 400 } },
    { "a length with a fraction is refused", post("Content-Length: 3.0\r\n", "abc"), { 400 } },
    { "a length in other digits is refused", post("Content-Length: \239\188\147\r\n", "abc"),
        { 400 } },
    { "a name that is like that of a length is none", post("Content_Length: 3\r\n", ""),
        { 200, 200 } },
    -- transfer codings
    { "a length and a coding are refused",
        post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LAST_CHUNK), { 400 } },
    { "a coding and a length are refused",
        post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", LAST_CHUNK), { 400 } },
    { "an unknown coding is answered 501", post("Transfer-Encoding: gzip\r\n", "abc"), { 501 } },
    { "a coding before chunked is answered 501",
        post("Transfer-Encoding: gzip, chunked\r\n", LAST_CHUNK), { 501 } },
    { "chunked twice is answered 501", post("Transfer-Encoding: chunked, chunked\r\n", LAST_CHUNK),
        { 501 } },
    { "chunked with a comma is answered 501", post("Transfer-Encoding: chunked,\r\n", LAST_CHUNK),
        { 501 } },
    { "chunked in quotes is answered 501", post('Transfer-Encoding: "chunked"\r\n', LAST_CHUNK),
        { 501 } },
    { "identity is answered 501", post("Transfer-Encoding: identity\r\n", ""), { 501 } },
    { "chunked with a parameter is answered 501", post("Transfer-Encoding: chunked;a=b\r\n",
        LAST_CHUNK), { 501 } },
    { "chunked behind a vertical tab is refused", post("Transfer-Encoding: \vchunked\r\n",
        LAST_CHUNK), { 400 } },
    { "chunked on a folded line is refused", post("Transfer-Encoding:\r\n chunked\r\n",
        LAST_CHUNK), { 400 } },
    { "chunked and another field of codings are refused",
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", LAST_CHUNK),
        { 400 } },
    { "an unknown coding beside a length is refused",
        post("Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n", "abc"), { 400 } },
    { "an empty coding is refused", post("Transfer-Encoding:\r\n", LAST_CHUNK), { 400 } },
    { "two fields of codings are refused",
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", LAST_CHUNK), { 400 } },
    { "chunked is told without its case", post("transfer-encoding: Chunked\r\n", LAST_CHUNK),
        { 200, 200 } },
    -- chunks
    { "chunks are joined", chunked("3\r\nabc\r\nA\r\n0123456789\r\n" .. LAST_CHUNK), { 200, 200 } },
    { "the size of a chunk may have capitals and zeros",
        chunked("00a\r\n0123456789\r\n00\r\n\r\n"), { 200, 200 } },
    { "a size of more than 16 digits is refused", chunked(("0"):rep(17) .. "\r\n\r\n"), { 400 } },
    { "a size beyond 64 bits is answered 413", chunked("ffffffffffffffff\r\na"), { 413 } },
    { "a size with 0x is refused", chunked("0x1\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a size with a sign is refused", chunked("+1\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "white space before a size is refused", chunked(" 1\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "white space behind a size is refused", chunked("1 \r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a chunk without a size is refused", chunked("\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a chunk line that ends in LF is refused", chunked("1\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a chunk longer than its size is refused", chunked("1\r\nab\r\n" .. LAST_CHUNK), { 400 } },
    { "a chunk that ends in LF is refused", chunked("1\r\na\n" .. LAST_CHUNK), { 400 } },
    { "a last chunk that ends in LF is refused", chunked("1\r\na\r\n0\r\n\n"), { 400 } },
    { "chunk extensions are ignored", chunked('1;a;b=c;d="e\\";f"\r\na\r\n' .. LAST_CHUNK),
        { 200, 200 } },
    { "white space around extensions is ignored", chunked("1 ; a = b\r\na\r\n" .. LAST_CHUNK),
        { 200, 200 } },
    { "an extension without a name is refused", chunked("1;\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "an extension whose quotes do not close is refused", chunked('1;a="b\r\na\r\n' .. LAST_CHUNK),
        { 400 } },
    { "an LF in an extension is refused", chunked("1;a\nb\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a CR in an extension is refused", chunked("1;a\rb\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a NUL in an extension is refused", chunked("1;a\0\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a size behind which there is a NUL is refused", chunked("1\0\r\na\r\n" .. LAST_CHUNK),
        { 400 } },
    { "a negative size is refused", chunked("-1\r\na\r\n" .. LAST_CHUNK), { 400 } },
    { "a chunk that ends in a CR alone is refused", chunked("1\r\na\rX0\r\n\r\n"), { 400 } },
    { "a trailer with white space before its colon is refused",
        chunked("0\r\nX-End : yes\r\n\r\n"), { 400 } },
    { "a bare LF ends no trailer", chunked("0\r\nX-End: yes\n\r\n"), { 400 } },
    { "trailers come behind the body", chunked("1\r\na\r\n0\r\nX-End: yes\r\n\r\n"), { 200, 200 } },
    { "trailers that would frame are ignored",
        chunked("1\r\na\r\n0\r\nContent-Length: 9\r\nX-End: yes\r\n\r\n"), { 200, 200 } },
    { "a malformed trailer is refused", chunked("0\r\nX-End yes\r\n\r\n"), { 400 } },
    { "obs-fold in trailers is refused", chunked("0\r\nX: a\r\n b\r\n\r\n"), { 400 } },
    -- connections
    { "nothing is read behind a close", get("/known/", "Connection: close\r\n") .. NEXT, { 200 } },
    { "close is found in a list of options", get("/known/", "Connection: x ,  CLOSE\r\n") .. NEXT,
        { 200 } },
    { "close beats keep-alive",
        "GET /known/ HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" .. NEXT,
        { 200 } },
    { "requests before a bad one are answered", NEXT .. NEXT .. "GET\r\n\r\n" .. NEXT,
        { 200, 200, 400 } },
    { "requests may be pipelined", NEXT:rep(5), { 200, 200, 200, 200, 200 } },
    { "half a request and an end are nothing", NEXT .. "GET /kno", { 200 } },
    { "half a body and an end are nothing", NEXT .. "POST /known/ HTTP/1.1\r\n" .. HOST
        .. "Content-Length: 9\r\n\r\nabc", { 200 } },
    { "an unwanted Upgrade is ignored",
        get("/known/", "Connection: Upgrade\r\nUpgrade: h2c\r\n") .. NEXT, { 200, 200 } },
    { "h2c is not spoken", get("/known/", "Connection: Upgrade, HTTP2-Settings\r\n"
        .. "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n") .. NEXT, { 200, 200 } },
    { "an expectation twice is one", post("Expect: 100-continue\r\nExpect: 100-continue\r\n"
        .. "Content-Length: 1\r\n", "a"), { 200, 200 } },
    { "a list of expectations is answered 417", post("Expect: 100-continue, x\r\n"), { 417 } },
    { "an empty expectation is answered 417", post("Expect:\r\n"), { 417 } },
    { "an unwanted Upgrade leaves the body alone", "POST /known/ HTTP/1.1\r\n" .. HOST
        .. "Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc" .. NEXT,
        { 200, 200 } },
    { "a body nobody reads is skipped", "POST /ignores HTTP/1.1\r\n" .. HOST
        .. "Content-Length: 3\r\n\r\nabc" .. NEXT, { 200, 200 } },
    { "an unknown expectation is answered 417", get("/known/", "Expect: 200-ok\r\n") .. NEXT,
        { 417 } },
    { "an expectation is told without its case", post("Expect: 100-Continue\r\n", ""),
        { 200, 200 } },
    { "204 has no body and no length", get("/empty") .. NEXT, { 204, 200 } },
    { "304 has no body", get("/same") .. NEXT, { 304, 200 } },
}

--- The statuses of `answers`, the bytes of a connection, in order. Interim ones are left out.
function http_corpus.statuses(answers)
    local statuses, position = {}, 1
    while position <= #answers do
        local head, body_at = answers:match("^(HTTP/1%.1 %d%d%d .-\r\n\r\n)()", position)
        assert(head, "no answer at byte " .. position .. " of:\n" .. answers)
        local status = tonumber(head:sub(10, 12))
        if status >= 200 then
            statuses[#statuses + 1] = status
        end
        local has_body = status >= 200 and status ~= 204 and status ~= 304
        local size = head:match("\r\nContent%-Length: (%d+)\r\n")
        position = body_at + (has_body and tonumber(size) or 0)
    end
    return statuses
end

return http_corpus
