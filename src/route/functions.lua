#!lua name=usher_1
-- route/functions.lua - one function a routing step (Lua 5.1, Redis 7.0).
--
-- The router decides; a function checks and writes, all or nothing. Keys come in KEYS
-- alone and share the centre's hash tag; docs/redis.md describes them.
--
-- The entry of a step in the event stream has the id EPOCH-SEQUENCE. The stream itself
-- hands the sequence out, so it is the commit counter as well: a step that is not the
-- very next one (it was done before, or one before it was not) gets another id than it
-- expects, takes everything back and says GAP. Steps that change nothing (refused,
-- duplicate) leave an entry too, so that one who missed the answer can read it there.
--
-- Functions that drain have the flag allow-oom, or a full store could never empty.
-- Intake has no flag: Redis then refuses it whole when its memory is used up.
--
-- While the library is loaded, redis.call and string are not there yet.

local SCHEMA = 1 -- of the keys; a newer one is refused
local SHAPES_MAX = 512 -- remembered
local EPOCH_MAX = 16777215 -- 24 bits of every id made in it

local function stale()
  return redis.error_reply('STALE another router owns this centre')
end

-- What follows from arguments that come again and again.
local shapes, n_shapes = {}, 0
local token, next_id = '', ''

local function read_shape(text)
  local parts, external, classes, records = text:match('^(%a*);(%a*);(%d+);(%d+)$')
  local shape = {
    n = #parts, external = external, classes = tonumber(classes),
    records = 2 * tonumber(records)
  }
  for i = 1, #parts do
    local letter = parts:sub(i, i)
    local kind = letter:lower()
    shape[i] = {
      decides = letter ~= kind,
      leaves = kind == 'm' or kind == 'l',
      enters = kind ~= 's',
      ends = kind == 'f' or kind == 'l',
      keys = kind == 's' and 1 or (kind == 'm' or kind == 'l') and 3 or 2,
      args = 3 + (letter ~= kind and 2 or 0) + (kind == 's' and 0 or 2),
    }
  end
  if n_shapes == SHAPES_MAX then
    shapes, n_shapes = {}, 0
  end
  shapes[text], n_shapes = shape, n_shapes + 1
  return shape
end

local function take_back(events, id)
  redis.call('XDEL', events, id)
  return redis.error_reply('GAP the step is not the next one')
end

-- The entry of a step that changes nothing; returns its answer.
local function not_done(k, a, why, detail, answer)
  local id = redis.call('XADD', k[2], next_id, 'not_done', why, 'detail', detail)
  if id ~= a[2] then
    return take_back(k[2], id)
  end
  return answer
end

-- One HSET each, since a call costs more than its arguments.
local function write_part(call, key, part, a, i, id, payload)
  if payload then
    if part.decides then
      call('HSET', key, 's', a[i + 1], 'r', a[i + 2], 'p', payload, a[i + 3], a[i + 4])
    else
      call('HSET', key, 's', a[i + 1], 'r', a[i + 2], 'p', payload)
    end
  elseif part.ends then
    if part.decides then
      call('HSET', key, 's', a[i + 1], 'r', a[i + 2], 'o', id, a[i + 3], a[i + 4])
    else
      call('HSET', key, 's', a[i + 1], 'r', a[i + 2], 'o', id)
    end
  elseif part.decides then
    call('HSET', key, 's', a[i + 1], 'r', a[i + 2], a[i + 3], a[i + 4])
  else
    call('HSET', key, 's', a[i + 1], 'r', a[i + 2])
  end
end

-- Steps.
--
-- ARGS  1 token, 2 EPOCH-SEQUENCE expected, 3 shape: PARTS;EXTERNAL;CLASSES;RECORDS;
--       a letter for each part: s stays where it is, e enters a sorted set, m moves from
--       one to another, f ends and enters, l ends and moves; a capital one brings a
--       decision;
--       EXTERNAL: empty none, n new, k kept for a time; CLASSES: how many are to be
--       registered; RECORDS: how many of agents (or queues)
--   then for each part: states one of which is expected (of a new contact: its payload),
--       new state, record [, name of the decision's field, decision] [, contact id,
--       score]
--   then [contact id of the external id, or ms that it is kept]; the classes;
--       for each record id, record; then the fields of the event
-- KEYS  1 owner, 2 events; for each part its contact [, set it leaves] [, set it enters];
--       then [external id] [, classes] [, records]
-- first the part from which on states are checked: 2 when the first is a new contact
--
-- Returns 1 committed; 2 committed, but a contact was missing in the set that it left;
--         0 refused; or the id of the contact that has the external id already
local function step(k, a, first)
  local call = redis.call
  if call('GET', k[1]) ~= a[1] then
    return stale()
  end
  if token ~= a[1] then
    token = a[1]
    next_id = token:match('^%d+') .. '-*'
  end
  local shape = shapes[a[3]] or read_shape(a[3])
  local n, ki, i = shape.n, 3, 4
  for p = 1, n do
    local part = shape[p]
    if p >= first then
      local state = call('HGET', k[ki], 's')
      if not state or not a[i]:find(state, 1, true) then
        return not_done(k, a, 'refused', k[ki] .. ' is ' .. (state or 'unknown'), 0)
      end
    end
    ki, i = ki + part.keys, i + part.args
  end

  local external, known = shape.external, nil
  if external == 'n' then
    known = call('SET', k[ki], a[i], 'NX', 'GET')
    if known and known ~= a[i] then
      return not_done(k, a, 'duplicate', known, known)
    end
  end
  local records = i + (external == '' and 0 or 1) + shape.classes
  local id = call('XADD', k[2], next_id, unpack(a, records + shape.records))
  if id ~= a[2] then
    if external == 'n' and not known then
      call('DEL', k[ki])
    end
    return take_back(k[2], id)
  end

  local answer = 1
  ki, i = 3, 4
  for p = 1, n do
    local part = shape[p]
    write_part(call, k[ki], part, a, i, id, p < first and a[i])
    ki, i = ki + part.keys, i + part.args
    if part.leaves and call('ZREM', k[ki - 2], a[i - 2]) == 0 then
      answer = 2
    end
    if part.enters then
      call('ZADD', k[ki - 1], a[i - 1], a[i - 2])
    end
  end
  if external ~= '' then
    if external == 'k' then
      call('PEXPIRE', k[ki], a[i])
    end
    ki, i = ki + 1, i + 1
  end
  if shape.classes > 0 then
    call('SADD', k[ki], unpack(a, i, records - 1))
    ki = ki + 1
  end
  if shape.records > 0 then
    call('HSET', k[ki], unpack(a, records, records + shape.records - 1))
  end
  return answer
end

local function intake(k, a)
  return step(k, a, 2)
end

local function drain(k, a)
  return step(k, a, 1)
end

-- Ownership.

-- The newest id that the stream gave out: epoch, sequence; 0, -1 when it is empty.
local function stream_top(events)
  if redis.call('EXISTS', events) == 0 then
    return 0, -1
  end
  local info = redis.call('XINFO', 'STREAM', events)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local epoch, sequence = info[i + 1]:match('^(%d+)-(%d+)$')
      return tonumber(epoch), tonumber(sequence)
    end
  end
end

local function begin_epoch(events, epoch, what)
  redis.call('XADD', events, epoch .. '-0', 'event', what, 'epoch', epoch)
end

-- Makes the caller the owner, if nobody else became it meanwhile.
-- KEYS  owner, epoch, meta, events, schema
-- ARGS  owner seen before ('' for none), run id
-- Returns epoch, centre time and wall time (ms) saved last ('' when never)
local function take_over(k, a)
  local call = redis.call
  local schema = tonumber(call('GET', k[5]) or SCHEMA)
  if schema > SCHEMA then
    return redis.error_reply('SCHEMA ' .. schema .. ' is newer than ' .. SCHEMA)
  end
  local owner = call('GET', k[1]) or ''
  if owner ~= a[1] then
    return redis.error_reply('OWNED another router was faster')
  end
  local epoch = math.max(tonumber(call('GET', k[2]) or 0),
    tonumber(owner:match('^(%d+):') or 0), (stream_top(k[4]))) + 1
  if epoch > EPOCH_MAX then
    return redis.error_reply('EPOCH used up: ' .. epoch)
  end
  call('SET', k[5], SCHEMA)
  call('SET', k[2], epoch)
  call('SET', k[1], epoch .. ':' .. a[2])
  call('HDEL', k[3], 'released')
  begin_epoch(k[4], epoch, 'owner.changed')
  local saved = call('HMGET', k[3], 'centre_ms', 'wall_ms')
  return {epoch, saved[1] or '', saved[2] or ''}
end

-- Says after a reconnect how far the owner's steps have come. Where Redis has lost the
-- take-over itself (an older copy, or nothing at all, came back), it is repeated.
-- KEYS  owner, epoch, meta, events, schema
-- ARGS  token
-- Returns the sequence of the newest entry; 0 when there is none of this epoch
local function claim(k, a)
  local call = redis.call
  local mine = tonumber(a[1]:match('^(%d+):'))
  local owner = call('GET', k[1])
  local top, sequence = stream_top(k[4])
  if owner ~= a[1] then
    local epoch = owner and tonumber(owner:match('^(%d+):')) or 0
    if epoch >= mine or top > mine then
      return stale()
    end
    call('SET', k[1], a[1])
    call('SET', k[2], mine)
    call('SET', k[5], SCHEMA)
  end
  if top < mine then
    begin_epoch(k[4], mine, 'owner.restored')
    return 0
  end
  return sequence
end

-- The owner lives; saves centre time (CONTRACTS 8.6).
-- KEYS  owner, meta    ARGS  token, centre time, wall time (Unix ms)
local function heartbeat(k, a)
  if redis.call('GET', k[1]) ~= a[1] then
    return stale()
  end
  redis.call('HINCRBY', k[2], 'beat', 1)
  redis.call('HSET', k[2], 'centre_ms', a[2], 'wall_ms', a[3])
  return 1
end

-- The owner ends in order: the next one need not wait for its heartbeat to stop.
-- KEYS  owner, meta    ARGS  token, centre time, wall time (Unix ms)
local function release(k, a)
  if redis.call('GET', k[1]) ~= a[1] then
    return stale()
  end
  redis.call('HSET', k[2], 'released', a[1], 'centre_ms', a[2], 'wall_ms', a[3])
  return 1
end

-- House-keeping.

-- True when id a is behind id b of the stream.
local function is_behind(a, b)
  local a1, a2 = a:match('^(%d+)-(%d+)$')
  local b1, b2 = b:match('^(%d+)-(%d+)$')
  a1, a2, b1, b2 = tonumber(a1), tonumber(a2), tonumber(b1), tonumber(b2)
  return a1 < b1 or (a1 == b1 and a2 < b2)
end

-- Cuts the stream to about `keep` entries, but never what history has not read yet.
local function trim(events, cursor, keep)
  if redis.call('XLEN', events) <= keep then
    return
  end
  if not cursor then
    redis.call('XTRIM', events, 'MAXLEN', '~', keep)
    return
  end
  local epoch, sequence = stream_top(events)
  local least = epoch .. '-' .. math.max(sequence - keep, 0)
  redis.call('XTRIM', events, 'MINID', '~', is_behind(cursor, least) and cursor or least)
end

-- Removes finished contacts whose time is over and cuts the stream, both never beyond
-- history's cursor (CONTRACTS 8.5); without the key `cursor` there is no history.
-- KEYS  owner, events, held, cursor, contacts ...
-- ARGS  token, centre time (ms), entries that the stream keeps, ids of the contacts ...
-- Returns how many contacts were removed
local function sweep(k, a)
  local call = redis.call
  if call('GET', k[1]) ~= a[1] then
    return stale()
  end
  local cursor, now_ms = call('GET', k[4]), tonumber(a[2])
  local keys, ids = {}, {}
  for i = 4, #a do
    local due_ms = tonumber(call('ZSCORE', k[3], a[i]) or 0)
    local ended = cursor and call('HGET', k[i + 1], 'o')
    if due_ms > 0 and due_ms <= now_ms and not (ended and is_behind(cursor, ended)) then
      keys[#keys + 1], ids[#ids + 1] = k[i + 1], a[i]
    end
  end
  if #ids > 0 then
    call('UNLINK', unpack(keys))
    call('ZREM', k[3], unpack(ids))
  end
  trim(k[2], cursor, tonumber(a[3]))
  return #ids
end

-- Puts right what invariant I11 forbids; used while a centre is loaded.
-- KEYS  owner, sorted set, contact    ARGS  token, what, contact id
-- what: drop  the contact is not there, or is elsewhere: it leaves the set
--       hold  a live contact that is in no set enters this one
local function repair(k, a)
  if redis.call('GET', k[1]) ~= a[1] then
    return stale()
  end
  if a[2] == 'drop' then
    return redis.call('ZREM', k[2], a[3])
  end
  return redis.call('ZADD', k[2], 'NX', 0, a[3])
end

local function register(name, callback, flags)
  redis.register_function{
    function_name = 'usher_1_' .. name, callback = callback, flags = flags
  }
end

register('add', intake, {})
register('add_offer', intake, {})
register('offer', drain, {'allow-oom'})
register('back', drain, {'allow-oom'})
register('connect', drain, {'allow-oom'})
register('hold', drain, {'allow-oom'})
register('move', drain, {'allow-oom'})
register('finish', drain, {'allow-oom'})
register('agent', drain, {'allow-oom'})
register('queue', drain, {'allow-oom'})
register('take_over', take_over, {'allow-oom'})
register('claim', claim, {'allow-oom'})
register('heartbeat', heartbeat, {'allow-oom'})
register('release', release, {'allow-oom'})
register('sweep', sweep, {'allow-oom'})
register('repair', repair, {'allow-oom'})
