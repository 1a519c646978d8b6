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
-- A step that comes alone has the function of its name. Those of one turn of the router's
-- loop come together in one call, since the call itself costs as much as a step: `intake`
-- when a new contact is among them, else `drain`.
--
-- Functions that drain have the flag allow-oom, or a full store could never empty.
-- Intake has no flag: Redis then refuses the call whole when its memory is used up, and the
-- router sends what drains by itself.
--
-- While the library is loaded, redis.call and string are not there yet.

local SCHEMA = 1 -- of the keys; a newer one is refused
local SHAPES_MAX = 512 -- remembered
local EPOCH_MAX = 16777215 -- 24 bits of every id made in it
local FIXED_KEYS = 6 -- of steps

local function stale()
  return redis.error_reply('STALE another router owns this centre')
end

-- Steps.
--
-- KEYS  1 owner, 2 events, 3 held, 4 agents, 5 external, 6 leaving; then for each step:
--       for each part the contact, the classes that its letter names [, cursor];
--       [classes] [queues]
-- ARGS  1 token, 2 EPOCH-SEQUENCE that the first step expects, 3 how many steps;
--       then for each step: its shape; its event;
--         for each part states one of which is expected (of a new contact its payload),
--         new state, record [, name of the decision's field, decision] [, id, score: all
--         letters but s];
--         [new external id, contact id; or one that leaves: centre time, space, the id];
--         classes to register; id and record of each agent; [name and record of a queue]
-- shape PARTS;EXTERNAL;CLASSES;AGENTS;QUEUE: a letter for each part, a capital one when it
--       brings a decision; EXTERNAL n new, l leaves when its time has come; how many CLASSES,
--       how many AGENTS; QUEUE q; what is not there is empty or 0
-- Answers, one for each step (alone when there is one): 1 committed; 2 committed, but a
--       contact was missing in the set that it left; 0 refused; or the id of the contact
--       that has the external id already

-- Where a part's contact goes. keys: of the contact and its classes; from, to: 0 nowhere,
-- 1 the first class, 2 the second, 3 those held, who are in no class; goes: where history's
-- cursor is among the keys, which keeps it for history to read (CONTRACTS 8.5).
local letters = {
  s = {keys = 1, from = 0, to = 0}, -- stays
  a = {keys = 2, from = 0, to = 1, new = true}, -- is new and waits
  h = {keys = 1, from = 0, to = 3, new = true}, -- is new and held
  i = {keys = 2, from = 3, to = 1}, -- was held, waits
  o = {keys = 2, from = 1, to = 3}, -- waited, is held
  m = {keys = 3, from = 1, to = 2}, -- moves between classes
  u = {keys = 2, from = 0, to = 1}, -- another place in its class
  e = {keys = 2, from = 1, to = 3, ends = true}, -- waited, ends
  f = {keys = 1, from = 0, to = 3, ends = true}, -- was held, ends
  g = {keys = 3, from = 1, to = 3, ends = true, goes = 2}, -- waited, ends, goes at once
  d = {keys = 2, from = 0, to = 3, ends = true, goes = 1}, -- was held, ends, goes at once
}

-- What follows from arguments that come again and again.
local shapes, n_shapes = {}, 0
local token, next_id = '', ''

local function read_shape(text)
  local parts, external, classes, agents, queue =
    text:match('^(%a*);(%a*);(%d+);(%d+);(%a*)$')
  local shape = {
    n = #parts, external = external, classes = tonumber(classes),
    agents = 2 * tonumber(agents), queue = queue ~= ''
  }
  shape.keys = (shape.classes > 0 and 1 or 0) + (shape.queue and 1 or 0)
  shape.args = 2 + (external == 'n' and 2 or external == 'l' and 1 or 0)
    + shape.classes + shape.agents + (shape.queue and 2 or 0)
  for i = 1, #parts do
    local letter = parts:sub(i, i)
    local kind = letters[letter:lower()]
    local decides = letters[letter] == nil
    shape[i] = {
      keys = kind.keys, from = kind.from, to = kind.to, new = kind.new, ends = kind.ends,
      goes = kind.goes,
      decides = decides,
      args = 3 + (decides and 2 or 0) + (kind.to ~= 0 and 2 or 0),
    }
    shape.keys = shape.keys + kind.keys
    shape.args = shape.args + shape[i].args
  end
  if n_shapes == SHAPES_MAX then
    shapes, n_shapes = {}, 0
  end
  shapes[text], n_shapes = shape, n_shapes + 1
  return shape
end

-- The entry of a step that changes nothing; returns its answer, or nil for GAP.
local function not_done(call, k, expected, why, detail, answer)
  local id = call('XADD', k[2], next_id, 'not_done', why, 'detail', detail)
  if expected and id ~= expected then
    call('XDEL', k[2], id)
    return nil
  end
  return answer
end

-- One HSET each, since a call costs more than its arguments.
local function write_part(call, key, part, a, i, id)
  if part.new then
    if part.decides then
      call('HSET', key, 's', a[i + 1], 'r', a[i + 2], 'p', a[i], a[i + 3], a[i + 4])
    else
      call('HSET', key, 's', a[i + 1], 'r', a[i + 2], 'p', a[i])
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

-- What all steps of a call write to the same key is written at its end at once, with the
-- arguments put together here: each redis.call costs as much as ten arguments.
local function put(list, first, second)
  local n = list.n
  list[n + 1], list[n + 2], list.n = first, second, n + 2
end

local function write_list(call, command, key, list)
  if list.n > 0 then
    call(command, key, unpack(list, 1, list.n))
    list.n = 0
  end
end

local function write_late(call, k, late)
  write_list(call, 'ZADD', k[3], late.held)
  write_list(call, 'HSET', k[4], late.agents)
  write_list(call, 'RPUSH', k[6], late.leaving)
end

-- What the tail of a step brings; ki and i are behind its parts.
local function write_tail(call, k, ki, a, i, shape, late)
  if shape.external == 'n' then
    i = i + 2
  elseif shape.external == 'l' then
    local n = late.leaving.n + 1
    late.leaving[n], late.leaving.n = a[i], n
    i = i + 1
  end
  if shape.classes > 0 then
    call('SADD', k[ki], unpack(a, i, i + shape.classes - 1))
    ki, i = ki + 1, i + shape.classes
  end
  for at = i, i + shape.agents - 2, 2 do
    put(late.agents, a[at], a[at + 1])
  end
  i = i + shape.agents
  if shape.queue then
    call('HSET', k[ki], a[i], a[i + 1])
  end
end

-- Carries out the step whose keys begin at first_ki and whose arguments at first_i.
-- expected is its id in the stream when that is not sure. Returns its answer, or nil for
-- GAP.
local function step(call, k, first_ki, a, first_i, shape, expected, late)
  local ki, i = first_ki, first_i + 2
  for p = 1, shape.n do
    local part = shape[p]
    if not part.new then
      local state = call('HGET', k[ki], 's')
      if not state or not a[i]:find(state, 1, true) then
        local detail = k[ki] .. ' is ' .. (state or 'unknown')
        return not_done(call, k, expected, 'refused', detail, 0)
      end
    end
    ki, i = ki + part.keys, i + part.args
  end

  local is_new
  if shape.external == 'n' then
    is_new = call('HSETNX', k[5], a[i], a[i + 1]) == 1
    local known = is_new or call('HGET', k[5], a[i])
    if not is_new and known ~= a[i + 1] then
      return not_done(call, k, expected, 'duplicate', known, known)
    end
  end
  local id = call('XADD', k[2], next_id, 'e', a[first_i + 1])
  if expected and id ~= expected then
    call('XDEL', k[2], id)
    if is_new then
      call('HDEL', k[5], a[i])
    end
    return nil
  end

  local answer = 1
  ki, i = first_ki, first_i + 2
  for p = 1, shape.n do
    local part = shape[p]
    local goes = part.goes and call('EXISTS', k[ki + part.goes]) == 0
    if goes then
      call('UNLINK', k[ki])
    else
      write_part(call, k[ki], part, a, i, id)
    end
    i = i + part.args
    if goes or part.from == 3 then
      write_list(call, 'ZADD', k[3], late.held) -- it may be among those
    end
    if part.from ~= 0 and
      call('ZREM', part.from == 3 and k[3] or k[ki + 1], a[i - 2]) == 0 then
      answer = 2
    end
    if goes then
      call('ZREM', k[3], a[i - 2])
    elseif part.to == 3 then
      put(late.held, a[i - 1], a[i - 2])
    elseif part.to ~= 0 then
      call('ZADD', k[ki + part.to], a[i - 1], a[i - 2])
    end
    ki = ki + part.keys
  end
  write_tail(call, k, ki, a, i, shape, late)
  return answer
end

-- The steps of a call; their answers, or nil for GAP.
local function all_steps(call, k, a, late)
  local answers, ki, i = {}, FIXED_KEYS + 1, 4
  for s = 1, tonumber(a[3]) do
    local shape = shapes[a[i]] or read_shape(a[i])
    -- Those behind the first follow it in the stream.
    local answer = step(call, k, ki, a, i, shape, s == 1 and a[2], late)
    if not answer then
      return nil
    end
    answers[s] = answer
    ki, i = ki + shape.keys, i + shape.args
  end
  return #answers == 1 and answers[1] or answers
end

local function steps(k, a)
  local call = redis.call
  if call('GET', k[1]) ~= a[1] then
    return stale()
  end
  if token ~= a[1] then
    token = a[1]
    next_id = token:match('^%d+') .. '-*'
  end
  local late = {held = {n = 0}, agents = {n = 0}, leaving = {n = 0}}
  local ok, answers = pcall(all_steps, call, k, a, late)
  -- Also when Redis refused a step: those before it are done.
  write_late(call, k, late)
  if not ok then
    error(answers)
  end
  return answers or redis.error_reply('GAP the step is not the next one')
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
  local cursor = call('GET', k[4])
  local due, keys, ids = {}, {}, {}
  if #a > 3 then
    for _, id in ipairs(call('ZRANGEBYSCORE', k[3], 1, a[2], 'LIMIT', 0, #a - 3)) do
      due[id] = true
    end
  end
  for i = 4, #a do
    local ended = cursor and call('HGET', k[i + 1], 'o')
    if due[a[i]] and not (ended and is_behind(cursor, ended)) then
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

-- Forgets external ids whose time is over. They leave in the order in which their contacts
-- ended; centre time counts, so that a wrong clock cannot let a contact in twice.
-- KEYS  owner, external, leaving    ARGS  token, centre time (ms), how many at most
-- Returns how many were forgotten
local function forget(k, a)
  local call = redis.call
  if call('GET', k[1]) ~= a[1] then
    return stale()
  end
  local now_ms, ids = tonumber(a[2]), {}
  for _, text in ipairs(call('LRANGE', k[3], 0, a[3] - 1)) do
    local due_ms, id = text:match('^(%d+) (.*)$')
    if tonumber(due_ms) > now_ms then
      break
    end
    ids[#ids + 1] = id
  end
  if #ids > 0 then
    call('HDEL', k[2], unpack(ids))
    call('LPOP', k[3], #ids)
  end
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

local ALLOW = {'allow-oom'}

register('intake', steps, {})
register('add', steps, {})
register('add_offer', steps, {})
register('drain', steps, ALLOW)
register('offer', steps, ALLOW)
register('back', steps, ALLOW)
register('connect', steps, ALLOW)
register('hold', steps, ALLOW)
register('move', steps, ALLOW)
register('finish', steps, ALLOW)
register('agent', steps, ALLOW)
register('queue', steps, ALLOW)
register('take_over', take_over, ALLOW)
register('claim', claim, ALLOW)
register('heartbeat', heartbeat, ALLOW)
register('release', release, ALLOW)
register('sweep', sweep, ALLOW)
register('forget', forget, ALLOW)
register('repair', repair, ALLOW)
