#!lua name=usher_voice_1
-- intake/voice_functions.lua - what calls keep in Redis beside their contacts (Lua 5.1,
-- Redis 7.0).
--
-- places is a hash: by what a caller who abandoned is known -> "T0-MS GONE-MS CONTACT",
-- centre time. KEYS[1] is the owner of the centre and ARGV[1] the caller's token,
-- everywhere. usherd removes what is over; the TTL is for a centre that runs no more.

local function owns(k, a)
  return redis.call('GET', k[1]) == a[1]
end

local function stale()
  return redis.error_reply('STALE another router owns this centre')
end

-- KEYS  owner, places    ARGS  token, TTL of the whole in ms, who, his place
local function keep(k, a)
  if not owns(k, a) then
    return stale()
  end
  redis.call('HSET', k[2], a[3], a[4])
  redis.call('PEXPIRE', k[2], a[2])
  return 1
end

-- KEYS  owner, places    ARGS  token, who
local function forget(k, a)
  if not owns(k, a) then
    return stale()
  end
  return redis.call('HDEL', k[2], a[2])
end

-- All of them: what is true is written anew.
--
-- KEYS  owner, places    ARGS  token
local function clear(k, a)
  if not owns(k, a) then
    return stale()
  end
  return redis.call('DEL', k[2])
end

redis.register_function{function_name = 'usher_voice_1_keep', callback = keep, flags = {}}
redis.register_function{
  function_name = 'usher_voice_1_forget', callback = forget, flags = {'allow-oom'}
}
redis.register_function{
  function_name = 'usher_voice_1_clear', callback = clear, flags = {'allow-oom'}
}
