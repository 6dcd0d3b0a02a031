--- How the modules of a service reach its worker. The isolate of a service fills it in; anywhere
-- else there is no worker to ask.
return {
    --- call(op, body, timeout_s) → result; or nil, code, detail
    call = false,
    --- find_remote(service) → the place of an RPC service on another host
    -- (perigee.rpc.resolver), or nil; false without a registry of other hosts
    find_remote = false,
    --- ask_service(client, request) → response; or nil, code, detail: what answers requests to
    -- http+service:// (perigee.http.client.service_resolver)
    ask_service = false,
    --- name of an operation → what is done with its body when the worker says so
    on_notify = {},
}
