-- base/owner.lua - at the head of each library that base/side loads (Lua 5.1, Redis 7.0).
--
-- KEYS[1] is the owner of the centre and ARGV[1] the caller's token, everywhere: a router
-- that was replaced writes nothing any more.

local function of_owner(name, fn, flags)
  redis.register_function{
    function_name = name,
    callback = function(keys, args)
      if redis.call('GET', keys[1]) ~= args[1] then
        return redis.error_reply('STALE another router owns this centre')
      end
      return fn(keys, args)
    end,
    flags = flags or {},
  }
end

