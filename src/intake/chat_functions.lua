#!lua name=usher_chat_1
-- intake/chat_functions.lua - what the chat writes to Redis (Lua 5.1, Redis 7.0).
--
-- A chat is one hash, chat:ID:
--
--   about     what customer and site said at the start (JSON)
--   state     where the chat stands (JSON): contact, agent's silence, end, rating
--   n         number of its newest message
--   m:N       message N (JSON)
--   i:KEY     the number of the message that its sender called KEY
--   customer, agent   "CENTRE-TIME-MS N": who of them spoke last, when
--   read:customer, read:agent   the newest message that they have seen
--
-- chats is a sorted set: id of each chat, score 0 while it lives, else the centre time in ms
-- at which it is forgotten.
--
-- A message is written once: the same KEY again gives the number that the first one got.

-- KEYS  owner, chat, chats    ARGS  token, id, about, state
-- Returns 1, or 0 when the chat was there already
local function open(k, a)
  if redis.call('HSETNX', k[2], 'about', a[3]) == 0 then
    return 0
  end
  redis.call('HSET', k[2], 'state', a[4], 'n', 0)
  redis.call('ZADD', k[3], 0, a[2])
  return 1
end

-- KEYS  owner, chat    ARGS  token, sender's key, message, who, centre time (ms), how many
--                            messages a chat may have
-- Returns {number, 1 when it was there already}; 0 no such chat; -1 it is full
local function say(k, a)
  local key = 'i:' .. a[2]
  local known = redis.call('HGET', k[2], key)
  if known then
    return {tonumber(known), 1}
  end
  local n = tonumber(redis.call('HGET', k[2], 'n'))
  if not n then
    return 0
  end
  if n >= tonumber(a[6]) and a[4] ~= 'system' then
    return -1
  end
  n = n + 1
  redis.call('HSET', k[2], 'n', n, 'm:' .. n, a[3], key, n)
  if a[4] ~= 'system' then
    redis.call('HSET', k[2], a[4], a[5] .. ' ' .. n)
  end
  return {n, 0}
end

-- Another text of a message that is there: card data that a later one made known.
-- KEYS  owner, chat    ARGS  token, number, message
local function amend(k, a)
  local field = 'm:' .. a[2]
  if redis.call('HEXISTS', k[2], field) == 0 then
    return 0
  end
  redis.call('HSET', k[2], field, a[3])
  return 1
end

-- KEYS  owner, chat    ARGS  token, field, value, ...
local function set(k, a)
  if redis.call('EXISTS', k[2]) == 0 then
    return 0
  end
  redis.call('HSET', k[2], unpack(a, 2))
  return 1
end

-- KEYS  owner, chat, chats    ARGS  token, id, state, when it is forgotten (centre time, ms)
local function finish(k, a)
  if redis.call('EXISTS', k[2]) == 0 then
    return 0
  end
  redis.call('HSET', k[2], 'state', a[3])
  redis.call('ZADD', k[3], a[4], a[2])
  return 1
end

-- KEYS  owner, chat, chats    ARGS  token, id
local function forget(k, a)
  redis.call('ZREM', k[3], a[2])
  return redis.call('UNLINK', k[2])
end

local function register(name, callback, flags)
  of_owner('usher_chat_1_' .. name, callback, flags)
end

-- What only ends or shrinks must work when Redis is full.
local ALLOW = {'allow-oom'}

register('open', open)
register('say', say)
register('amend', amend, ALLOW)
register('set', set, ALLOW)
register('finish', finish, ALLOW)
register('forget', forget, ALLOW)
