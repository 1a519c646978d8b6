#!lua name=usher_voice_1
-- intake/voice_functions.lua - what calls keep in Redis beside their contacts (Lua 5.1,
-- Redis 7.0).
--
-- places is a hash: by what a caller who abandoned is known -> "T0-MS GONE-MS CONTACT",
-- centre time. usherd removes what is over; the TTL is for a centre that runs no more.

-- KEYS  owner, places    ARGS  token, TTL of the whole in ms, who, his place
local function keep(k, a)
  redis.call('HSET', k[2], a[3], a[4])
  redis.call('PEXPIRE', k[2], a[2])
  return 1
end

-- KEYS  owner, places    ARGS  token, who
local function forget(k, a)
  return redis.call('HDEL', k[2], a[2])
end

-- All of them: what is true is written anew.
--
-- KEYS  owner, places    ARGS  token
local function clear(k, a)
  return redis.call('DEL', k[2])
end

of_owner('usher_voice_1_keep', keep)
of_owner('usher_voice_1_forget', forget, {'allow-oom'})
of_owner('usher_voice_1_clear', clear, {'allow-oom'})
