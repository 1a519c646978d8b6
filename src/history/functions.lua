#!lua name=usher_history_1
-- history/functions.lua - what history writes in Redis: how far it has read. Finished
-- contacts and the event stream are kept up to there (CONTRACTS 8.5).

-- KEYS 1 owner, 2 cursor; ARGS 1 token, 2 EPOCH-SEQUENCE
of_owner('usher_history_1_cursor', function(keys, args)
  redis.call('SET', keys[2], args[2])
  return 1
end)
