
-- ---- a held copy of Redis is put back -----------------------------------------------------
--
-- The rest of the library in functions.lua, of which this is the end. Each of them changes nothing
-- the second time.

local ABANDONED_S = 3600 -- what a keeper that was killed leaves goes by itself

-- Is this the Redis that the note `id` (of the newest copy; '' = no note) was read from? Then it
-- carries our mark from now on. A Redis that is emptied, or rolled back to before, has it no more.
-- keys: notes, marks; args: collector, id, mark, note to write if there is none ('' = leave it so)
local function held_begin(keys, args)
  local note = redis.call('HGET', keys[1], args[1])
  if (note or ''):match('^%S*') ~= args[2] then return STALE end
  if not note and args[4] ~= '' then redis.call('HSET', keys[1], args[1], args[4]) end
  redis.call('HSET', keys[2], args[1], args[3])
  return OK
end

-- keys: marks; args: collector, mark
local function held_marked(keys, args)
  return redis.call('HGET', keys[1], args[1]) == args[2] and OK or STALE
end

-- keys: notes, marks; args: collector, mark, note
local function held_end(keys, args)
  if redis.call('HGET', keys[2], args[1]) ~= args[2] then return STALE end
  redis.call('HSET', keys[1], args[1], args[3])
  redis.call('HDEL', keys[2], args[1])
  return OK
end

-- keys: meta, list being made; args: token, 'first' or '', deltas. Invisible until held_swap.
local function held_put(keys, args)
  if redis.call('HGET', keys[1], 'token') ~= args[1] then return FENCED end
  if args[2] == 'first' then redis.call('DEL', keys[2]) end
  for i = 3, #args do redis.call('RPUSH', keys[2], args[i]) end
  redis.call('EXPIRE', keys[2], ABANDONED_S)
  return OK
end

-- keys: meta, journal, base, list being made, ready
-- args: token, previous, mine, base id, pieces, deltas, mark, then fields of meta and their values
local function held_swap(keys, args)
  local base, pieces, deltas = args[4], tonumber(args[5]), tonumber(args[6])
  -- What the partition counts as done has been lost again.
  if redis.call('GET', keys[5]) ~= args[7] then return STALE end
  local have = redis.call('HMGET', keys[1], 'token', 'head')
  local verdict = guard(have[1], have[2], args[1], args[2], args[3])
  if verdict then return verdict end
  local keep = { token = true, owner = true, lease = true }
  for i = 0, pieces - 1 do
    local field = base .. ':' .. i
    if redis.pcall('HEXISTS', keys[3], field) ~= 1 then return CORRUPT end
    keep[field] = true
  end
  if deltas > 0 and redis.pcall('LLEN', keys[4]) ~= deltas then return CORRUPT end
  if pieces == 0 then redis.call('UNLINK', keys[3]) end
  for _, key in ipairs({ keys[1], keys[3] }) do
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if not keep[field] then redis.call('HDEL', key, field) end
    end
  end
  redis.call('UNLINK', keys[2])
  if deltas > 0 then
    redis.call('RENAME', keys[4], keys[2])
    redis.call('PERSIST', keys[2])
  end
  for i = 8, #args, 2 do redis.call('HSET', keys[1], args[i], args[i + 1]) end
  redis.call('HSET', keys[1], 'head', args[3], 'jn', deltas, 'base', base, 'nb', pieces)
  return OK
end

-- What the alert log knows was published, and its deliveries planned, before it came there. What
-- the outbox had up to the entry `after` ('' = nothing) is known to the caller; the few that came
-- since are looked at here.
-- keys: outbox, seen; args: outbox limit, after, (id, topic, body)*
local function held_outbox(keys, args)
  local waiting, fresh, there = redis.call('XLEN', keys[1]), {}, {}
  for _, entry in ipairs(redis.call('XRANGE', keys[1], args[2] == '' and '-' or '(' .. args[2], '+')) do
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'id' then there[entry[2][i + 1]] = true end
    end
  end
  for i = 3, #args, 3 do
    if not there[args[i]] and not redis.call('ZSCORE', keys[2], args[i]) then fresh[#fresh + 1] = i end
  end
  if waiting > 0 and waiting + #fresh > tonumber(args[1]) then return FULL end
  for _, i in ipairs(fresh) do
    redis.call('XADD', keys[1], '*', 'id', args[i], 'topic', args[i + 1], 'body', args[i + 2])
  end
  return OK
end

-- keys: seen; args: limit, ids, the newest first. They are older than all that is known.
local function held_known(keys, args)
  local oldest = redis.call('ZRANGE', keys[1], 0, 0, 'WITHSCORES')
  local score, room = tonumber(oldest[2] or 0), args[1] - redis.call('ZCARD', keys[1])
  for i = 2, #args do
    if room > 0 and redis.call('ZADD', keys[1], 'NX', score - 1, args[i]) == 1 then
      score, room = score - 1, room - 1
    end
  end
  return OK
end

-- keys: delivery, due, body
-- args: alert id, body, seconds kept, limit in all, limit of one, (subscriber, state)*
local function held_delivery(keys, args)
  local due, now = keys[2], now_ms()
  local waiting = tonumber(redis.call('GET', due .. ':count') or 0)
  for i = 6, #args, 2 do
    local subscriber, state = args[i], args[i + 1]
    local of = due .. ':of:' .. subscriber
    local waits = open(state)
    if waits and (waiting >= tonumber(args[4]) or
                  redis.call('ZCARD', of) >= tonumber(args[5])) then
      waits, state = false, 'dead 0 too many deliveries wait'
    end
    if redis.call('HSETNX', keys[1], subscriber, state) == 1 and waits then
      redis.call('ZADD', of, now, args[1])
      redis.call('INCR', due .. ':count')
      redis.call('SET', keys[3], args[2], 'EX', args[3])
      reckon(due, subscriber)
      waiting = waiting + 1
    end
  end
  redis.call('EXPIRE', keys[1], args[3])
  return OK
end

-- keys: counters of a source, then what is remembered of each stream
-- answer: the fields of the counters, then the places of each
local function held_refused(keys)
  local all = { redis.call('HGETALL', keys[1]) }
  for i = 2, #keys do all[i] = redis.call('ZRANGE', keys[i], 0, -1) end
  return all
end

local PLACE_BYTES = 31 -- "<seq, 20 digits>:<row, 10 digits>"

-- One stream of held_refuse. Answer: how many rows Redis knows that the copy does not.
local function join_places(counters, field, seen, floor, places, limit)
  local known, list, more = {}, {}, 0
  for i = 1, #places, PLACE_BYTES do
    list[#list + 1] = places:sub(i, i + PLACE_BYTES - 1)
    known[list[#list]] = true
  end
  for _, place in ipairs(redis.call('ZRANGE', seen, 0, -1)) do
    if place > floor and not known[place] then more = more + 1 end
  end
  local have = redis.call('HGET', counters, field) or ''
  if floor > have then have = floor end
  for _, place in ipairs(list) do
    if place > have then redis.call('ZADD', seen, 'NX', 0, place) end
  end
  local over = redis.call('ZCARD', seen) - limit
  local forgotten = redis.call('ZPOPMIN', seen, math.max(0, over))
  if #forgotten > 0 then have = forgotten[#forgotten - 1] end
  redis.call('HSET', counters, field, have)
  return more
end

-- What a copy knows of refused rows, and those that came since: each counted once.
-- keys: counters, sources, prefix of what is remembered of a stream
-- args: source, total, newest reason, limit, then of each stream: its name, floor, places in one
local function held_refuse(keys, args)
  local counters, total, copied = keys[1], tonumber(args[2]), {}
  for i = 5, #args, 3 do
    local field = 'floor:' .. args[i]
    copied[field] = true
    total = total + join_places(counters, field, keys[3] .. args[i], args[i + 1], args[i + 2],
                                tonumber(args[4]))
  end
  for _, field in ipairs(redis.call('HKEYS', counters)) do
    local stream = field:match('^floor:(.*)$')
    if stream and not copied[field] then
      total = total + redis.call('ZCARD', keys[3] .. stream)
    end
  end
  if total > tonumber(redis.call('HGET', counters, 'total') or 0) then
    redis.call('HSET', counters, 'total', total)
  end
  redis.call('HSETNX', counters, 'reason', args[3])
  redis.call('SADD', keys[2], args[1])
  return OK
end

-- The rows themselves are for people to look at: where there are some, these stay out.
-- keys: log; args: (stream, seq, row, reason, snippet)*
local function held_refused_log(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then return DUP end
  for i = 1, #args, 5 do
    redis.call('XADD', keys[1], '*', 'stream', args[i], 'seq', args[i + 1], 'row', args[i + 2],
               'reason', args[i + 3], 'snippet', args[i + 4])
  end
  return OK
end

-- keys: one that people or the collector write; args: type, time of expiry in ms (0 = none), content
-- answer: OK, or DUP: it is there
local function held_key(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then return DUP end
  if args[1] == 'string' then redis.call('SET', keys[1], args[3]) end
  for i = 3, #args, 2 do
    if args[1] == 'hash' then redis.call('HSET', keys[1], args[i], args[i + 1]) end
  end
  for i = 3, #args do
    if args[1] == 'set' then redis.call('SADD', keys[1], args[i]) end
  end
  if args[2] ~= '0' then redis.call('PEXPIREAT', keys[1], args[2]) end
  return OK
end

register('held_begin', held_begin, BOUNDED)
register('held_marked', held_marked, READS)
register('held_end', held_end, BOUNDED)
register('held_put', held_put, GROWS)
register('held_swap', held_swap, BOUNDED)
register('held_outbox', held_outbox, GROWS)
register('held_known', held_known, BOUNDED)
register('held_delivery', held_delivery, GROWS)
register('held_refused', held_refused, READS)
register('held_refuse', held_refuse, BOUNDED)
register('held_refused_log', held_refused_log, BOUNDED)
register('held_key', held_key, GROWS)
