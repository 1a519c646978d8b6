#!lua name=usher_customers_1
-- history/customers.lua - contacts of a customer in Redis: what came in with them, for his
-- export; out of it when he is erased (RELIABILITY I15).

-- KEYS 1 owner, 2 held, 3 external, 4... the contacts; ARGS 1 token, 2... their ids
-- Answers the names under which their external ids were known. One that lives stays, and
-- is answered as "LIVE".
of_owner('usher_customers_1_erase', function(keys, args)
  local names = {}
  for i = 4, #keys do
    local found = redis.call('HMGET', keys[i], 'o', 'p')
    if found[1] then
      local good, submission = pcall(cjson.decode, found[2] or '')
      if good and type(submission) == 'table' and type(submission.external_id) == 'string' then
        local name = (submission.source or 'api') .. ' ' .. submission.external_id
        redis.call('HDEL', keys[3], name)
        names[#names + 1] = name
      end
      redis.call('ZREM', keys[2], args[i - 2])
      redis.call('DEL', keys[i])
    elseif found[2] then
      return {'LIVE'}
    end
  end
  return names
end)

-- External ids that outlive their contacts, a part of them at a time.
-- KEYS 1 owner, 2 external; ARGS 1 token, 2 cursor, 3... ids of contacts
-- Answers the next cursor ("0" at the end) and the names that were removed.
of_owner('usher_customers_1_names', function(keys, args)
  local gone, answer = {}, {}
  for i = 3, #args do
    gone[args[i]] = true
  end
  local page = redis.call('HSCAN', keys[2], args[2], 'COUNT', 2000)
  answer[1] = page[1]
  for i = 1, #page[2], 2 do
    if gone[page[2][i + 1]] then
      redis.call('HDEL', keys[2], page[2][i])
      answer[#answer + 1] = page[2][i]
    end
  end
  return answer
end)

-- The list of what leaves when: names that are gone already leave no trace there.
-- KEYS 1 owner, 2 leaving; ARGS 1 token, 2 place, 3... names
-- Answers the next place; -1 at the end.
of_owner('usher_customers_1_leaving', function(keys, args)
  local gone, from = {}, tonumber(args[2])
  for i = 3, #args do
    gone[args[i]] = true
  end
  local list = redis.call('LRANGE', keys[2], from, from + 1999)
  for i = 1, #list do
    local at, name = list[i]:match('^(%S+) (.*)$')
    if name and gone[name] then
      redis.call('LSET', keys[2], from + i - 1, at .. ' - -')
    end
  end
  return #list < 2000 and -1 or from + #list
end)

-- What came in with contacts that Redis still has, for the export of their customer.
-- KEYS 1 owner, 2... the contacts; ARGS 1 token, 2 bytes after which it is enough
-- Answers a list: what came in with each, '' where there is none; shorter than KEYS when
-- it was enough before the end.
of_owner('usher_customers_1_tell', function(keys, args)
  local told, bytes = {}, 0
  for i = 2, #keys do
    told[i - 1] = redis.call('HGET', keys[i], 'p') or ''
    bytes = bytes + #told[i - 1]
    if bytes >= tonumber(args[2]) then break end
  end
  return told
end, {'no-writes', 'allow-oom'})
