#!lua name=usher_callme_1
-- intake/callme_functions.lua - what call-me requests write to Redis (Lua 5.1, Redis 7.0).
--
-- callbacks is a hash: id of a request -> the request (JSON).

-- KEYS  owner, callbacks    ARGS  token, id, request
local function put(k, a)
  redis.call('HSET', k[2], a[2], a[3])
  return 1
end

-- KEYS  owner, callbacks    ARGS  token, id
local function forget(k, a)
  return redis.call('HDEL', k[2], a[2])
end

of_owner('usher_callme_1_put', put)
of_owner('usher_callme_1_forget', forget, {'allow-oom'})
