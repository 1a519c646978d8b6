#!lua name=usher_callme_1
-- intake/callme_functions.lua - what call-me requests write to Redis (Lua 5.1, Redis 7.0).
--
-- callbacks is a hash: id of a request -> the request (JSON). KEYS[1] is the owner of the
-- centre and ARGV[1] the caller's token, everywhere.

local function owns(k, a)
  return redis.call('GET', k[1]) == a[1]
end

local function stale()
  return redis.error_reply('STALE another router owns this centre')
end

-- KEYS  owner, callbacks    ARGS  token, id, request
local function put(k, a)
  if not owns(k, a) then
    return stale()
  end
  redis.call('HSET', k[2], a[2], a[3])
  return 1
end

-- KEYS  owner, callbacks    ARGS  token, id
local function forget(k, a)
  if not owns(k, a) then
    return stale()
  end
  return redis.call('HDEL', k[2], a[2])
end

redis.register_function{function_name = 'usher_callme_1_put', callback = put, flags = {}}
redis.register_function{
  function_name = 'usher_callme_1_forget', callback = forget, flags = {'allow-oom'}
}
