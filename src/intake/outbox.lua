#!lua name=usher_outbox_1
-- intake/outbox.lua - what the outgoing side of mail keeps (Lua 5.1, Redis 7.0).
--
-- usherd decides; a function checks the owner and writes, all or nothing, and does the
-- same thing once however often it is called. docs/redis.md describes the keys.

-- A mail that is to leave.
--
-- KEYS  1 owner, 2 outbox, 3 out:ID, 4 case:CASE [, 5 auto:CONTACT, 6 autos]
-- ARGS  1 token, 2 ID, 3 due (centre ms), 4 record, 5 ms that the case's list lives, 6 when
--       the record was made (centre ms)
--       [instead: 6 centre ms of now, 7 "ID RESPONSE SENDER", 8 oldest ms of autos that is kept,
--       9 ms that auto:CONTACT lives]
-- Answers 1 kept (also when it was before), 0 the contact had its automatic answer; the record
-- that another request for the same mail kept, whose answer was lost
local function put(keys, args)
  local old = redis.call('GET', keys[3])
  if old and #keys == 4 and cjson.decode(old).created_ms ~= tonumber(args[6]) then return old end
  if old then return 1 end
  if #keys > 4 then
    if redis.call('EXISTS', keys[5]) == 1 then return 0 end
    redis.call('SET', keys[5], args[2], 'PX', args[9])
    redis.call('ZREMRANGEBYSCORE', keys[6], '-inf', '(' .. args[8])
    redis.call('ZADD', keys[6], args[6], args[7])
  end
  redis.call('SET', keys[3], args[4])
  name_files(string.sub(keys[1], 1, -6), args[4], decoded(args[4]).contact or '-', args[5])
  redis.call('ZADD', keys[2], args[3], args[2])
  redis.call('RPUSH', keys[4], args[2])
  redis.call('LTRIM', keys[4], -200, -1)
  redis.call('PEXPIRE', keys[4], args[5])
  return 1
end

-- What became of it.
--
-- KEYS  1 owner, 2 outbox, 3 out:ID
-- ARGS  1 token, 2 ID, 3 due, or '' when nothing more is to be done, 4 record,
--       5 ms that the record is kept from now on, or ''
-- Answers 1, or 0 when there is no such mail
local function change(keys, args)
  if redis.call('EXISTS', keys[3]) == 0 then return 0 end
  if args[5] == '' then
    redis.call('SET', keys[3], args[4])
  else
    redis.call('SET', keys[3], args[4], 'PX', args[5])
  end
  if args[3] == '' then
    redis.call('ZREM', keys[2], args[2])
  else
    redis.call('ZADD', keys[2], args[3], args[2])
  end
  return 1
end

-- One text under a name: the work on a contact (draft, proposals taken, clocks), the state
-- of a response's gate, an edited response.
--
-- KEYS  1 owner, 2 the text's [, 3 a hash or sorted set that lists it]
-- ARGS  1 token, 2 text, '' takes it away, 3 ms that it is kept, or ''
--       [, 4 its name in the list, 5 score]
local function note(keys, args)
  if args[2] == '' then
    redis.call('DEL', keys[2])
  elseif args[3] == '' then
    redis.call('SET', keys[2], args[2])
  else
    redis.call('SET', keys[2], args[2], 'PX', args[3])
    if #keys > 2 then name_files(string.sub(keys[1], 1, -6), args[2], args[4], args[3]) end
  end
  if #keys > 2 then
    if args[2] == '' then
      redis.call('ZREM', keys[3], args[4])
    else
      redis.call('ZADD', keys[3], args[5], args[4])
    end
  end
  return 1
end

-- The oldest verdicts go when there are too many.
--
-- KEYS  1 owner, 2 verdicts; then verdict:CONTACT of each that goes
-- ARGS  1 token, then the contact of each
local function forget(keys, args)
  for i = 3, #keys do
    redis.call('DEL', keys[i])
    redis.call('ZREM', keys[2], args[i - 1])
  end
  return 1
end

-- A new version of a response.
--
-- KEYS  1 owner, 2 library:ID, 3 libraries
-- ARGS  1 token, 2 the version's record, 3 its number: one more than there are, 4 ID
-- Answers 1 kept (also when it was before), 0 somebody else made that version
local function edit(keys, args)
  local have = redis.call('LLEN', keys[2])
  local wanted = tonumber(args[3])
  if have == wanted - 1 then
    redis.call('RPUSH', keys[2], args[2])
    redis.call('SADD', keys[3], args[4])
    return 1
  end
  if redis.call('LINDEX', keys[2], wanted - 1) == args[2] then return 1 end
  return 0
end

of_owner('outbox_put', put)
of_owner('outbox_change', change, {'allow-oom'})
of_owner('outbox_note', note, {'allow-oom'})
of_owner('outbox_forget', forget, {'allow-oom'})
of_owner('outbox_edit', edit)
