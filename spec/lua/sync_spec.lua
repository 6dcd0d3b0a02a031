local context = require "perigee.context"
local perigee = require "perigee"
local sync = require "perigee.sync"

local it = require "spec.support.under_seeds"(it)

describe("perigee.sync", function()
    local function start(fn, ...)
        local task = perigee.go(fn, ...)
        perigee.sleep(0)
        return task
    end

    local function assert_raises(pattern, fn)
        local is_ok, message = pcall(fn)
        assert.is_false(is_ok)
        assert.matches("sync_spec%.lua:%d+: " .. pattern, message)
    end

    local function limited(fn, ...)
        return context.with_timeout(context.current(), 0.001):run(fn, ...)
    end

    describe("mutex", function()
        it("M1: cannot be locked twice by one task", function()
            local mutex = sync.mutex()
            assert.is_true(mutex:lock())
            assert.same({ nil, "timeout" }, { limited(mutex.lock, mutex) })
            mutex:unlock()
            assert.is_true(mutex:lock())
        end)

        it("M2: raises when it is unlocked and not locked", function()
            local mutex = sync.mutex()
            assert_raises("sync: unlock of unlocked mutex", function() mutex:unlock() end)
        end)

        it("M3: may be unlocked by any task", function()
            local mutex = sync.mutex()
            mutex:lock()
            start(function() mutex:unlock() end)
            assert.is_true(mutex:try_lock())
        end)

        it("M4: goes to those who wait in order of arrival", function()
            local mutex, order = sync.mutex(), {}
            mutex:lock()
            for i = 1, 4 do
                start(function()
                    mutex:lock()
                    order[#order + 1] = i
                    perigee.sleep(0)
                    mutex:unlock()
                end)
            end
            mutex:unlock()
            assert.is_false(mutex:try_lock())
            mutex:lock()
            assert.same({ 1, 2, 3, 4 }, order)
        end)

        it("M5: try_lock never waits", function()
            local mutex = sync.mutex()
            assert.is_true(mutex:try_lock())
            assert.is_false(mutex:try_lock())
        end)

        it("with() unlocks whatever happens", function()
            local mutex = sync.mutex()
            assert.same({ 1, 2 }, { mutex:with(function(a) return a, 2 end, 1) })
            assert.has_error(function() mutex:with(error, "inside", 0) end, "inside")
            assert.is_true(mutex:try_lock())
            assert.same({ nil, "timeout" }, { limited(mutex.with, mutex, error) })
        end)
    end)

    describe("rwmutex", function()
        it("M6: many read or one writes, and a writer that waits keeps readers out", function()
            local lock, log = sync.rwmutex(), {}
            assert.is_true(lock:rlock())
            assert.is_true(lock:rlock())
            assert.is_false(lock:try_lock())
            start(function()
                lock:lock()
                log[#log + 1] = "written"
                perigee.sleep(0)
                lock:unlock()
            end)
            assert.is_false(lock:try_rlock())
            for _ = 1, 2 do
                start(function()
                    lock:rlock()
                    log[#log + 1] = "read"
                end)
            end
            lock:runlock()
            perigee.sleep(0)
            assert.same({}, log)
            lock:runlock()
            perigee.sleep(0.001)
            assert.same({ "written", "read", "read" }, log)
            assert.is_false(lock:try_lock())
            lock:runlock()
            lock:runlock()
            assert.is_true(lock:try_lock())
        end)

        it("M6: readers do not wait for a writer that has given up", function()
            local lock = sync.rwmutex()
            lock:rlock()
            local writer = start(limited, lock.lock, lock)
            local reader = start(lock.rlock, lock)
            assert.equal("waiting", reader:state())
            assert.same({ true, nil, "timeout" }, { writer:join() })
            assert.same({ true, true }, { reader:join() })
        end)

        it("M7: raises when it is unlocked and not locked", function()
            local lock = sync.rwmutex()
            assert_raises("sync: RUnlock of unlocked RWMutex", function() lock:runlock() end)
            assert_raises("sync: Unlock of unlocked RWMutex", function() lock:unlock() end)
            lock:rlock()
            assert_raises("sync: Unlock of unlocked RWMutex", function() lock:unlock() end)
        end)
    end)

    describe("wait group", function()
        it("M8: any number wait for zero, and nobody when it is zero", function()
            local group, woken = sync.wait_group(), 0
            assert.is_true(group:wait())
            group:add(2)
            for _ = 1, 3 do
                start(function()
                    group:wait()
                    woken = woken + 1
                end)
            end
            group:done()
            perigee.sleep(0)
            assert.equal(0, woken)
            group:done()
            perigee.sleep(0)
            assert.equal(3, woken)
            group:add(1)
            assert.same({ nil, "timeout" }, { limited(group.wait, group) })
        end)

        it("M9: raises below zero", function()
            assert_raises("sync: negative WaitGroup counter", function()
                sync.wait_group():done()
            end)
            assert_raises("sync: negative WaitGroup counter", function()
                sync.wait_group():add(-1)
            end)
        end)

        it("M10: may be used again, also while those it woke have not run yet", function()
            local group = sync.wait_group()
            group:add(1)
            local waiting = start(group.wait, group)
            group:done()
            group:add(1)
            assert.same({ true, true }, { waiting:join() })
            assert.same({ nil, "timeout" }, { limited(group.wait, group) })
        end)

        it("M11: go counts a task until it has ended", function()
            local group, ended = sync.wait_group(), 0
            for i = 1, 3 do
                group:go(function()
                    perigee.sleep(i / 1000)
                    ended = ended + 1
                end)
            end
            group:wait()
            assert.equal(3, ended)
        end)
    end)

    it("M12: once runs a function once, and the others wait for it", function()
        local once, runs, done = sync.once(), 0, {}
        for i = 1, 3 do
            start(function()
                once:run(function()
                    runs = runs + 1
                    perigee.sleep(0.001)
                end)
                done[i] = true
            end)
        end
        assert.same({}, done)
        perigee.sleep(0.005)
        assert.equal(1, runs)
        assert.same({ true, true, true }, done)
        once = sync.once()
        assert.has_error(function() once:run(error, "broken", 0) end, "broken")
        assert.is_true(once:run(error, "again"))
    end)

    describe("cond", function()
        it("M13: wait unlocks and locks again; signal wakes one, broadcast all", function()
            local cond = sync.cond(sync.mutex())
            local woken = 0
            for _ = 1, 3 do
                start(function()
                    cond.l:lock()
                    cond:wait()
                    assert(not cond.l:try_lock())
                    woken = woken + 1
                    cond.l:unlock()
                end)
            end
            assert.is_true(cond.l:try_lock())
            cond:signal()
            perigee.sleep(0)
            assert.equal(0, woken)
            cond.l:unlock()
            perigee.sleep(0)
            assert.equal(1, woken)
            cond:broadcast()
            perigee.sleep(0)
            assert.equal(3, woken)
        end)

        it("M13: a signal without waiters is lost", function()
            local cond = sync.cond(sync.mutex())
            cond:signal()
            cond:broadcast()
            cond.l:lock()
            assert.same({ nil, "timeout" }, { limited(cond.wait, cond) })
        end)

        it("holds the lock after a wait that was cancelled", function()
            local cond = sync.cond(sync.mutex())
            local result
            local waiting = start(function()
                cond.l:lock()
                result = { cond:wait() }
                cond.l:unlock()
            end)
            cond.l:lock()
            waiting:cancel()
            perigee.sleep(0)
            assert.equal("waiting", waiting:state())
            cond.l:unlock()
            assert.is_true((waiting:join()))
            assert.same({ nil, "canceled" }, result)
        end)
    end)

    describe("semaphore", function()
        it("gives places in order of arrival", function()
            local places, order = sync.semaphore(3), {}
            assert.is_true(places:acquire(2))
            for i, count in ipairs { 3, 1 } do
                start(function()
                    places:acquire(count)
                    order[#order + 1] = i
                    places:release(count)
                end)
            end
            assert.is_false(places:try_acquire())
            assert.same({}, order)
            places:release(2)
            perigee.sleep(0.001)
            assert.same({ 1, 2 }, order)
            assert.is_true(places:try_acquire(3))
        end)

        it("lets the next in when one gives up, and takes back only what was taken", function()
            local places = sync.semaphore(2)
            places:acquire()
            local large = start(limited, places.acquire, places, 2)
            local small = start(places.acquire, places)
            assert.same({ true, nil, "timeout" }, { large:join() })
            assert.same({ true, true }, { small:join() })
            places:release(2)
            assert_raises("semaphore: released more than held", function() places:release() end)
            assert_raises("a semaphore counts whole numbers", function() sync.semaphore(-1) end)
        end)
    end)

    describe("singleflight", function()
        it("E6: who asks for the same shares the result, or the error", function()
            local flight, runs, results = sync.singleflight(), 0, {}
            local function load_it(is_good)
                runs = runs + 1
                perigee.sleep(0.001)
                assert(is_good, "broken")
                return "value", runs
            end
            for i = 1, 3 do
                perigee.go(function() results[i] = { flight:run("key", load_it, true) } end)
            end
            perigee.sleep(0.005)
            assert.equal(1, runs)
            assert.same({ { "value", 1 }, { "value", 1 }, { "value", 1 } }, results)
            for i = 1, 2 do
                perigee.go(function()
                    results[i] = { pcall(flight.run, flight, "key", load_it) }
                end)
            end
            perigee.sleep(0.005)
            assert.matches("broken", results[1][2])
            assert.equal(results[1][2], results[2][2])
        end)

        it("E6: forget lets the next run anew", function()
            local flight, runs = sync.singleflight(), 0
            local function count()
                runs = runs + 1
                perigee.sleep(0.001)
            end
            local tasks = { start(flight.run, flight, "key", count) }
            flight:forget("key")
            tasks[2] = start(flight.run, flight, "key", count)
            tasks[3] = start(flight.run, flight, "key", count)
            assert.equal(2, runs)
            for _, task in ipairs(tasks) do
                task:join()
            end
        end)
    end)
end)
