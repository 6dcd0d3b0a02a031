--- The fields that belong to one connection and not to the message (RFC 9110 7.6.1), and those that
-- the host writes itself: none of them is passed on. In small letters.
return {
    ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true,
    ["transfer-encoding"] = true, ["upgrade"] = true, ["proxy-connection"] = true,
    ["content-length"] = true, ["date"] = true, ["expect"] = true,
    ["perigee-timeout"] = true, ["perigee-previous-attempts"] = true,
}
