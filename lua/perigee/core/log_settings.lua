--- How this isolate logs. Apart from perigee.log, so that a service which logs nothing need not
-- load that.
return { level = "info", format = "text", name = "perigee" }
