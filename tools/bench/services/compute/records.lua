--- What handlers do all day: records made, grouped in tables by name, sorted and thrown away.
local COUNT, ROUNDS = 3000, 250

local function make_orders()
    local orders = {}
    for i = 1, COUNT do
        orders[i] = {
            id = i,
            customer = "customer " .. i % 50,
            items = { { name = "tea", price = i % 7 + 1 }, { name = "cup", price = i % 11 + 2 } },
        }
    end
    return orders
end

local function total_by_customer(orders)
    local totals = {}
    for _, order in ipairs(orders) do
        for _, item in ipairs(order.items) do
            totals[order.customer] = (totals[order.customer] or 0) + item.price
        end
    end
    return totals
end

local function ranking(totals)
    local list = {}
    for customer, total in pairs(totals) do
        list[#list + 1] = { customer = customer, total = total }
    end
    table.sort(list, function(a, b)
        return a.total > b.total or a.total == b.total and a.customer < b.customer
    end)
    return list
end

return function()
    for _ = 1, ROUNDS do
        local list = ranking(total_by_customer(make_orders()))
        assert(#list == 50 and list[1].total >= list[50].total)
    end
end
