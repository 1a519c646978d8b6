#!lua name=usher_mail_1
-- intake/mail_functions.lua - which mails are known, and to which case they belong (Lua 5.1,
-- Redis 7.0).
--
-- usherd decides; a function checks the owner and writes, all or nothing, and does the
-- same thing once however often it is called. docs/redis.md describes the keys.

-- What is known of the mails that a new one names.
--
-- KEYS  1 owner, 2 mail:in:KEY of the new one, 3 mail:case:CASE of its token (or of no case),
--       then mail:id:HASH, or out:ID of a mail that left here
-- ARGS  1 token
-- Answers a list: what mail:in holds, the case's contact, agent, then the value of each, ''
-- for what is not known
local function find(keys, args)
  local found = {redis.call('GET', keys[2]) or ''}
  local case = redis.call('HMGET', keys[3], 'contact', 'agent')
  found[2], found[3] = case[1] or '', case[2] or ''
  for i = 4, #keys do found[i] = redis.call('GET', keys[i]) or '' end
  return found
end

local function remember(keys, args)
  if args[6] ~= args[5] then redis.call('SET', keys[6], args[6], 'PX', args[2]) end
  redis.call('SET', keys[3], args[3], 'PX', args[2])
  redis.call('RPUSH', keys[4], args[4])
  name_files(string.sub(keys[1], 1, -6), args[4], args[5], args[2])
  redis.call('LTRIM', keys[4], -200, -1)
  redis.call('PEXPIRE', keys[4], args[2])
end

-- A mail became a contact.
--
-- KEYS  1 owner, 2 mail:in:KEY, 3 mail:id:HASH, 4 mail:thread:CASE, 5 mail:case:CASE,
--       6 mail:of:CONTACT
-- ARGS  1 token, 2 ms that it is known, 3 value of mail:id, 4 entry of the thread, 5 contact,
--       6 case
local function note(keys, args)
  if redis.call('EXISTS', keys[2]) == 1 then return 0 end
  redis.call('SET', keys[2], 'contact ' .. args[5], 'PX', args[2])
  remember(keys, args)
  redis.call('HSET', keys[5], 'contact', args[5])
  redis.call('PEXPIRE', keys[5], args[2])
  return 1
end

-- A mail joins a contact that is there.
--
-- KEYS, ARGS as note
-- Answers '' joined now, else what mail:in held before
local function join(keys, args)
  local before = redis.call('GET', keys[2])
  if before then return before end
  redis.call('SET', keys[2], 'joined ' .. args[5], 'PX', args[2])
  remember(keys, args)
  redis.call('HSETNX', keys[5], 'contact', args[5])
  redis.call('PEXPIRE', keys[5], args[2])
  return ''
end

-- The join was seen to hold: the contact was live after it.
--
-- KEYS  1 owner, 2 mail:in:KEY
-- ARGS  1 token, 2 ms that it is known, 3 contact
local function settle(keys, args)
  redis.call('SET', keys[2], 'contact ' .. args[3], 'PX', args[2])
  return 1
end

-- Who has a case.
--
-- KEYS  1 owner, 2 mail:case:CASE
-- ARGS  1 token, 2 ms that it is known, 3 agent, 4 contact
local function served(keys, args)
  redis.call('HSET', keys[2], 'agent', args[3], 'contact', args[4])
  redis.call('PEXPIRE', keys[2], args[2])
  return 1
end

-- A text under a name, for those who look into folders (IMAP).
--
-- KEYS  1 owner, 2 the text's
-- ARGS  1 token, 2 text
local function mark(keys, args)
  redis.call('SET', keys[2], args[2])
  return 1
end

-- Mails of ours that have not to leave any more (intake/outbox.h).
local OVER = {sent = true, failed = true, unsure = true, cancelled = true, bounced = true}
local OTHERS_MOST = 50 -- contacts that are told of a file

-- All that is kept of the mails of contacts whose customer is erased (RELIABILITY I15), or
-- which were kept for long enough.
--
-- KEYS  1 owner
-- ARGS  1 token, 2 "look" (nothing is removed) or "erase", 3 "all", or "over": mails of ours
--       that have still to leave stay, and so do verdicts (usherd takes the text out of them);
--       then ids of contacts
-- Answers a list: "f NAME" for each file that they named alone, "s NAME CONTACT..." for one
-- that others name, too ("-": and many more), "m MESSAGE-ID" for each mail
--
-- Which keys these are is only found here, so they are not named in KEYS; all have the
-- centre's prefix and lie in its slot.
local function erase(keys, args)
  local prefix, gone, told, files = string.sub(keys[1], 1, -6), {}, {}, {}
  local only_look, only_over, stays, seen = args[2] == 'look', args[3] == 'over', {}, {}
  local function remove(...)
    if not only_look then redis.call(...) end
  end
  -- The texts of a list, once in this call.
  local function texts_of(list)
    if seen[list] then return {} end
    seen[list] = true
    return redis.call('LRANGE', list, 0, -1)
  end
  local function tell_files(contact, list)
    for _, file in ipairs(list) do
      if not stays[contact .. file] then
        files[file] = true
        remove('SREM', prefix .. 'mail:file:' .. file, contact)
        remove('SREM', prefix .. 'mail:files:' .. contact, file)
      end
    end
  end
  local function tell(contact, mail)
    tell_files(contact, files_of(mail))
    if type(mail.message_id) == 'string' then told[#told + 1] = 'm ' .. mail.message_id end
  end
  local cases = {}
  for i = 4, #args do
    gone[args[i]] = true
    cases[i] = {args[i], redis.call('GET', prefix .. 'mail:of:' .. args[i]) or nil}
  end
  -- First what leaves: what is still to be sent keeps its files.
  local ours = {}
  for i = 4, #args do
    for _, case in ipairs(cases[i]) do
      local sent = prefix .. 'case:' .. case
      for _, out in ipairs(texts_of(sent)) do
        local record = decoded(redis.call('GET', prefix .. 'out:' .. out))
        if gone[record.contact] and only_over and not OVER[record.state] then
          for _, file in ipairs(files_of(record)) do stays[record.contact .. file] = true end
        elseif gone[record.contact] then
          ours[#ours + 1] = record
          remove('DEL', prefix .. 'out:' .. out)
          remove('ZREM', prefix .. 'outbox', out)
          remove('LREM', sent, 1, out)
        end
      end
    end
  end
  for _, record in ipairs(ours) do tell(record.contact, record) end
  for i = 4, #args do
    local id = args[i]
    local payload = decoded(redis.call('HGET', prefix .. 'c:' .. id, 'p')).payload
    if type(payload) == 'table' and type(payload.mail) == 'table' then tell(id, payload.mail) end
    tell(id, decoded(redis.call('GET', prefix .. 'work:' .. id)))
    tell_files(id, redis.call('SMEMBERS', prefix .. 'mail:files:' .. id))
    for _, case in ipairs(cases[i]) do
      local thread = prefix .. 'mail:thread:' .. case
      for _, text in ipairs(texts_of(thread)) do
        local mail = decoded(text)
        if gone[mail.contact] then
          tell(mail.contact, mail)
          remove('LREM', thread, 1, text)
        end
      end
      -- A case goes on with whoever is its latest.
      local latest = redis.call('HGET', prefix .. 'mail:case:' .. case, 'contact')
      if not latest or gone[latest] then remove('DEL', prefix .. 'mail:case:' .. case) end
    end
    for _, name in ipairs({'mail:of:', 'auto:', 'work:'}) do
      remove('DEL', prefix .. name .. id)
    end
    remove('ZREM', prefix .. 'works', id)
    if not only_over then
      remove('DEL', prefix .. 'verdict:' .. id)
      remove('ZREM', prefix .. 'verdicts', id)
    end
  end
  for file in pairs(files) do
    local others = {}
    for _, contact in ipairs(redis.call('SMEMBERS', prefix .. 'mail:file:' .. file)) do
      if #others > OTHERS_MOST then break end
      if not gone[contact] then others[#others + 1] = #others < OTHERS_MOST and contact or '-' end
    end
    told[#told + 1] = #others == 0 and 'f ' .. file or 's ' .. file .. ' ' .. table.concat(others, ' ')
  end
  return told
end

-- The texts of a source of mails (see tell) behind the first `from` of them, some at a time.
local SOME = 20
local function source_texts(prefix, source, from)
  if source.list then
    local texts = redis.call('LRANGE', source.list, from, from + SOME - 1)
    for i, name in ipairs(source.kind == 'o' and texts or {}) do
      texts[i] = redis.call('GET', prefix .. 'out:' .. name) or ''
    end
    return texts
  end
  if from > 0 then return {} end
  if source.field then return {redis.call('HGET', source.key, source.field) or ''} end
  return {redis.call('GET', source.key) or ''}
end

-- A part of what is kept of the mails of contacts, for the export of their customer: what
-- erase takes away.
--
-- KEYS  1 owner
-- ARGS  1 token, 2 bytes after which it is enough, 3 place within the first contact, then ids
--       of contacts
-- Answers a list of pairs: "CONTACT PLACE KIND", then what is kept (JSON). KIND is m what
-- came in with the contact, i a mail of a thread, o one that leaves, d a draft, v a verdict;
-- the last pair has "." and says how far it was looked. A place is 1000 times the number of
-- the source, and the number within it; 9000 is the end of a contact.
local ENOUGH = 500 -- looked at in one call
local function tell(keys, args)
  local prefix, room, told = string.sub(keys[1], 1, -6), tonumber(args[2]), {}
  local at, bytes, looked = tonumber(args[3]), 0, 0
  local function add(id, place, kind, text)
    told[#told + 1] = id .. ' ' .. place .. ' ' .. kind
    told[#told + 1] = text
    bytes = bytes + #text
  end
  for i = 4, #args do
    local id, first = args[i], nil
    local case, mine = redis.call('GET', prefix .. 'mail:of:' .. id) or '-', '"contact":"' .. id .. '"'
    local came = prefix .. 'c:' .. id
    local sources = {
      {kind = 'm', key = came, field = 'p'},
      {kind = 'i', list = prefix .. 'mail:thread:' .. id},
      {kind = 'i', list = prefix .. 'mail:thread:' .. case},
      {kind = 'o', list = prefix .. 'case:' .. id},
      {kind = 'o', list = prefix .. 'case:' .. case},
      {kind = 'd', key = prefix .. 'work:' .. id},
      {kind = 'v', key = prefix .. 'verdict:' .. id},
    }
    for s = math.max(1, math.floor(at / 1000)), #sources do
      local source, from = sources[s], math.max(at - s * 1000, 0)
      local texts = source_texts(prefix, source, from)
      while #texts > 0 do
        for _, text in ipairs(texts) do
          from, looked = from + 1, looked + 1
          local its = text ~= ''
          if source.list then its = string.find(text, mine, 1, true) ~= nil end
          if source.kind == 'm' then its = string.find(text, '"mail":', 1, true) ~= nil end
          if its and source.kind == 'i' then
            -- The mail that came in with the contact is there with more of its text.
            if first == nil then
              local payload = decoded(redis.call('HGET', came, 'p')).payload
              local mail = type(payload) == 'table' and payload.mail
              first = type(mail) == 'table' and mail.message_id or false
            end
            its = not first or decoded(text).message_id ~= first
          end
          if its then add(id, s * 1000 + from, source.kind, text) end
          if bytes >= room or looked >= ENOUGH then
            add(id, s * 1000 + from, '.', '')
            return told
          end
        end
        texts = #texts == SOME and source.list and source_texts(prefix, source, from) or {}
      end
    end
    at = 0
    looked = looked + 1
    if i == #args or looked >= ENOUGH then
      add(id, 9000, '.', '')
      return told
    end
  end
  return told
end

-- What is known of single mails, by the hashes of their Message-IDs.
--
-- KEYS  1 owner, then mail:id:HASH and mail:in:KEY
-- ARGS  1 token
local function forget(keys, args)
  local n = 0
  for i = 2, #keys do n = n + redis.call('DEL', keys[i]) end
  return n
end

local function register(name, callback, flags)
  of_owner('mail_' .. name, callback, flags)
end

register('find', find, {'no-writes', 'allow-oom'})
register('note', note, {'allow-oom'})
register('join', join)
register('settle', settle, {'allow-oom'})
register('served', served, {'allow-oom'})
register('mark', mark, {'allow-oom'})
register('erase', erase, {'allow-oom'})
register('tell', tell, {'no-writes', 'allow-oom'})
register('forget', forget, {'allow-oom'})
