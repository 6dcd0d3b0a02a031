-- Answers order.go and asks stock.go, both of them programs in Go.
-- The host is started with --allow-network 127.0.0.1:1235, as nothing may be dialled without.
local rpc = require "perigee.rpc"

local stock = rpc.dial("tcp://127.0.0.1:1235", { codec = "gob" })

local Shop = {}

local Item = { name = "Item", { "SKU", "string" }, { "Count", "int" } }

-- What one item costs; or nil and why it cannot be sold.
local function cost(item, price)
    local cents, _, problem = price:wait()
    if not cents then
        return nil, ("%s: %s"):format(item.SKU, problem)
    end
    return cents * item.Count
end

Shop.Total = rpc.method {
    args = { name = "Order", { "Customer", "string" }, { "Items", { "[]", Item } } },
    reply = { name = "Bill", { "Customer", "string" }, { "Cents", "int" } },
    fn = function(order)
        local prices, total = {}, 0
        for i, item in ipairs(order.Items) do
            prices[i] = stock:go("Stock.Price", item.SKU)
        end
        for i, item in ipairs(order.Items) do
            local cents, problem = cost(item, prices[i])
            if not cents then
                return nil, problem
            end
            total = total + cents
        end
        return { Customer = order.Customer, Cents = total }
    end,
}

return { rpc = { Shop = Shop } }
