#!lua name=@LIBRARY@
--  functions -- what Redis does for us in one step; @LIBRARY@ becomes "tw_<namespace>_<version>".
--
--  Redis takes nothing back: a function that fails in the middle leaves what it has written. So
--  every check of a partition comes before its first write, wrong key types included (pcall).
--  Limits are arguments. Numbers go to Redis as numbers (%.17g), never through '..' (%.14g).
--  Lists handed to unpack() are bounded by the caller (Lua's stack: about 8,000).


-- One byte a verdict; store_link.c turns them into store_status_t.
local OK, DUP, STALE, FENCED, FULL, BACKWARDS, CORRUPT = 'O', 'D', 'S', 'F', 'L', 'B', 'C'

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- The head of a partition is the random id of its last commit, and a commit names the one it
-- builds on: a chain, not a counter, so that a number that comes twice after a roll-back of
-- Redis cannot be mistaken for the same history.
local function guard(token, head, want_token, previous, mine)
  if token ~= want_token then return FENCED end
  if head == mine then return DUP end
  if (head or '') ~= previous then return STALE end
end

-- ---- leases -------------------------------------------------------------------------------

-- A lease that runs longer than anybody asks for was given before the clock went back.
local LEASES_MOST = 10 -- times the lease that is asked for

-- keys: hashes; args: owner, lease ms, 'force' or '', then a new token for each key; answer: a
-- verdict a key
local function claim(keys, args)
  local owner, force, verdicts = args[1], args[3] == 'force', {}
  local now = now_ms()
  for i, key in ipairs(keys) do
    local held = redis.call('HMGET', key, 'owner', 'lease')
    local lease = tonumber(held[2] or 0)
    local free = force or not held[1] or held[1] == owner or lease <= now or
                 lease > now + LEASES_MOST * args[2]
    if free then
      redis.call('HSET', key, 'token', args[3 + i], 'owner', owner, 'lease', now + args[2])
    end
    verdicts[i] = free and OK or FENCED
  end
  return table.concat(verdicts)
end

-- keys: hashes; args: lease ms, then the token of each; answer: a verdict a key
local function renew(keys, args)
  local lease, verdicts = now_ms() + args[1], {}
  for i, key in ipairs(keys) do
    local mine = redis.call('HGET', key, 'token') == args[i + 1]
    if mine then redis.call('HSET', key, 'lease', lease) end
    verdicts[i] = mine and OK or FENCED
  end
  return table.concat(verdicts)
end

-- keys: hashes; args: the token of each; answer: a verdict a key
local function release(keys, args)
  local verdicts = {}
  for i, key in ipairs(keys) do
    local mine = redis.call('HGET', key, 'token') == args[i]
    if mine then redis.call('HDEL', key, 'token', 'owner', 'lease') end
    verdicts[i] = mine and OK or FENCED
  end
  return table.concat(verdicts)
end

-- keys: hashes; answer: owners, '' where no lease runs
local function owners(keys)
  local now, names = now_ms(), {}
  for i, key in ipairs(keys) do
    local held = redis.call('HMGET', key, 'owner', 'lease')
    names[i] = held[1] and tonumber(held[2] or 0) > now and held[1] or ''
  end
  return names
end

-- ---- commits ------------------------------------------------------------------------------

-- Beside "off:<stream>": how many alerts of records after it are in the outbox already.
local function sent_field(offset_field)
  return 'sent:' .. offset_field:sub(5)
end

-- What a commit asks of a partition before it writes: a verdict, or nil, the journal's length and
-- what the partition has. c: where in args its parts begin.
local function check(meta, journal, args, c)
  local ask = { 'token', 'head', 'jn' }
  for i = 0, c.offsets - 1 do
    ask[4 + 2 * i] = args[c.offset + 3 * i]
    ask[5 + 2 * i] = sent_field(args[c.offset + 3 * i])
  end
  local have = redis.pcall('HMGET', meta, unpack(ask))
  if have.err then return CORRUPT end
  local verdict = guard(have[1], have[2], args[c.at], args[c.at + 1], args[c.at + 2])
  if verdict then return verdict end
  local jn = tonumber(have[3] or 0)
  if redis.pcall('LLEN', journal) ~= jn then return CORRUPT end
  for i = 0, c.offsets - 1 do
    if tonumber(args[c.offset + 3 * i + 1]) < tonumber(have[4 + 2 * i] or 0) then
      return BACKWARDS
    end
  end
  return nil, jn, have
end

local function write(outbox, meta, journal, args, c, jn, have)
  for i = c.alert, c.alert + 3 * c.alerts - 1, 3 do
    redis.call('XADD', outbox, '*', 'id', args[i], 'topic', args[i + 1], 'body', args[i + 2])
  end
  local set = { 'head', args[c.at + 2] }
  local delta = args[c.at + 3]
  if delta ~= '' then
    redis.call('RPUSH', journal, delta)
    set[3], set[4] = 'jn', jn + 1
  end
  for i = 0, c.offsets - 1 do
    local field, sent = args[c.offset + 3 * i], args[c.offset + 3 * i + 2]
    set[#set + 1], set[#set + 2] = field, args[c.offset + 3 * i + 1]
    if sent ~= '0' then
      set[#set + 1], set[#set + 2] = sent_field(field), sent
    elseif have[5 + 2 * i] then
      redis.call('HDEL', meta, sent_field(field))
    end
  end
  redis.call('HSET', meta, unpack(set))
end

-- keys: outbox, then meta and journal of each partition
-- args: outbox limit, then of each partition: token, previous, mine, delta, number of offsets,
--       number of alerts, (offset field, seq, alerts sent of what comes after)*,
--       (id, topic, body)*
-- answer: a verdict a partition
local function commit(keys, args)
  local outbox, limit = keys[1], tonumber(args[1])
  local verdicts, at, waiting = {}, 2, nil
  for k = 2, #keys, 2 do
    local c = { at = at, offsets = tonumber(args[at + 4]), alerts = tonumber(args[at + 5]) }
    c.offset = at + 6
    c.alert = c.offset + 3 * c.offsets
    at = c.alert + 3 * c.alerts
    local verdict, jn, have = check(keys[k], keys[k + 1], args, c)
    if not verdict and c.alerts > 0 then
      waiting = waiting or redis.pcall('XLEN', outbox)
      if type(waiting) ~= 'number' then
        verdict = CORRUPT
      elseif waiting > 0 and waiting + c.alerts > limit then
        verdict = FULL
      else
        waiting = waiting + c.alerts
      end
    end
    if not verdict then write(outbox, keys[k], keys[k + 1], args, c, jn, have) end
    verdicts[#verdicts + 1] = verdict or OK
  end
  return table.concat(verdicts)
end

-- keys: meta, base; args: token, field, bytes. Invisible until base_swap names its base id.
local function base_put(keys, args)
  if redis.call('HGET', keys[1], 'token') ~= args[1] then return FENCED end
  redis.call('HSET', keys[2], args[2], args[3])
  return OK
end

-- keys: meta, journal, base; args: token, previous, mine, base id, pieces, deltas to drop
local function base_swap(keys, args)
  local base, pieces, drop = args[4], tonumber(args[5]), tonumber(args[6])
  local have = redis.call('HMGET', keys[1], 'token', 'head', 'jn')
  local verdict = guard(have[1], have[2], args[1], args[2], args[3])
  if verdict then return verdict end
  local jn, keep = tonumber(have[3] or 0), {}
  if redis.call('LLEN', keys[2]) ~= jn or drop > jn then return CORRUPT end
  for i = 0, pieces - 1 do
    local field = base .. ':' .. i
    if redis.call('HEXISTS', keys[3], field) == 0 then return CORRUPT end
    keep[field] = true
  end
  for _, field in ipairs(redis.call('HKEYS', keys[3])) do
    if not keep[field] then redis.call('HDEL', keys[3], field) end
  end
  redis.call('LTRIM', keys[2], drop, -1)
  redis.call('HSET', keys[1], 'head', args[3], 'jn', jn - drop, 'base', base, 'nb', pieces)
  return OK
end

-- ---- outbox -------------------------------------------------------------------------------

-- The alert id of an entry; nil: there is no such entry.
local function alert_of(outbox, entry)
  local found = redis.call('XRANGE', outbox, entry, entry)[1]
  if not found then return nil end
  for i = 1, #found[2], 2 do
    if found[2][i] == 'id' then return found[2][i + 1] end
  end
  return ''
end

-- keys: notifier, outbox; args: token, then of each: entry, alert id. Only what was read goes: after
-- a roll-back of Redis the same entry may be another alert, and others may stand before it.
local function outbox_take(keys, args)
  if redis.call('HGET', keys[1], 'token') ~= args[1] then return FENCED end
  for i = 2, #args, 2 do
    if alert_of(keys[2], args[i]) == args[i + 1] then redis.call('XDEL', keys[2], args[i]) end
  end
  return OK
end

-- ---- alert log and deliveries -------------------------------------------------------------

-- Was this alert planned by a Redis that has been emptied or rolled back since? If it were logged,
-- nobody would ever be told: what the log knows is not planned again.
local function plan_is_lost(seen, planned, delivery, id)
  return planned == '1' and not redis.call('ZSCORE', seen, id) and
         redis.call('EXISTS', delivery .. id) == 0
end

-- Of an entry of a topic, as its body begins; of a body that is none, as if it were an alert.
local function kind_of(body)
  return body:match('^{"v":%d+,"id":"%x+","kind":"(%l+)"') or 'alert'
end

-- keys: log, seen, prefix of the status keys, prefix of the delivery keys
-- args: limit, then of each: id, rule, series, ts, severity, topic, seq, body, "1" if planned
local function alert_log(keys, args)
  local log, seen, limit = keys[1], keys[2], tonumber(args[1])
  for i = 2, #args, 9 do
    if plan_is_lost(seen, args[i + 8], keys[4], args[i]) then return STALE end
  end
  local counts, last_ts = {}, {}
  local last = redis.call('ZREVRANGE', seen, 0, 0, 'WITHSCORES')
  local score = tonumber(last[2] or 0)
  for i = 2, #args, 9 do
    if redis.call('ZADD', seen, 'NX', score + 1, args[i]) == 1 then
      score = score + 1
      local kind = kind_of(args[i + 7])
      redis.call('XADD', log, 'MAXLEN', limit, '*', 'id', args[i], 'rule', args[i + 1], 'series',
                 args[i + 2], 'ts', args[i + 3], 'severity', args[i + 4], 'topic', args[i + 5],
                 'seq', args[i + 6], 'kind', kind, 'body', args[i + 7])
      if kind == 'alert' then
        counts[args[i + 1]] = (counts[args[i + 1]] or 0) + 1
        last_ts[args[i + 1]] = args[i + 3]
      end
    end
  end
  for rule, count in pairs(counts) do
    local status = keys[3] .. rule
    if redis.call('EXISTS', status) == 1 then -- a rule that is gone has no status
      redis.call('HINCRBY', status, 'alerts', count)
      redis.call('HSET', status, 'last', last_ts[rule])
    end
  end
  redis.call('ZREMRANGEBYRANK', seen, 0, -limit - 1)
  return OK
end

-- Deliveries wait by recipient (a subscriber by one channel), so that one who cannot be reached holds up nobody else:
--   <due>                  recipient by the time its next delivery is due
--   <due>:of:<recipient>  alert id by the time it is due
--   <due>:ill              recipient -> "<failures in a row> <left alone until, ms>"
--   <due>:passed           recipient -> by how many notifiers it was passed on that have no such channel
--   <due>:asleep           recipient -> when its quiet hours are over, ms
--   <due>:asleep:<recipient>  alert id by the time it became due, of those that wait for that
--   <due>:count            how many wait in all
--   <due>:witness:<alert id>  a recipient who needs the body of it still
--   <due>:dead             "<alert id>/<recipient>" by the time it was given up: can be sent again
--   <due>:untold           the same, of those who could not be told when it came
--   <due>:paced:<recipient>  alert ids by the time they went out, of who has a rate
--   <due>:group:<alert id>/<recipient>  alert ids of one letter, itself first: those behind it wait with
--                          it, and what becomes of it becomes of them
--   <due>:gathering:<recipient> <rule> <kind>  "<alert id> <until, ms>" of the letter that others may join
--   <due>:silenced         "<recipient> <rule>:<series>" by the time it was looked at last: what waits
--                          for a silence to end, one for each incident
--   <due>:silenced:of      the same -> "<kind> <seq>" of the first, "<kind> <seq> <alert id>" of the newest
local ILL_MS_FIRST, ILL_MS_MOST = 1000, 60000

local function illness(due, subscriber)
  local failures, till = (redis.call('HGET', due .. ':ill', subscriber) or ''):match('^(%d+) (%d+)$')
  return tonumber(failures or 0), tonumber(till or 0)
end

-- When is this subscriber's next delivery due, or the end of its quiet hours?
local function reckon(due, subscriber)
  local first = redis.call('ZRANGE', due .. ':of:' .. subscriber, 0, 0, 'WITHSCORES')
  local at, wakes = math.huge, tonumber(redis.call('HGET', due .. ':asleep', subscriber))
  if first[2] then
    local _, till = illness(due, subscriber)
    at = math.max(tonumber(first[2]), till)
  else
    redis.call('HDEL', due .. ':ill', subscriber)
  end
  at = math.min(at, wakes or math.huge)
  if at == math.huge then
    redis.call('ZREM', due, subscriber)
    redis.call('HDEL', due .. ':passed', subscriber)
  else redis.call('ZADD', due, at, subscriber) end
end

local function leave_alone(due, subscriber, failures, till)
  redis.call('HSET', due .. ':ill', subscriber, string.format('%d %d', failures, till))
  reckon(due, subscriber)
end

local function drop(due, subscriber, id)
  local gone = redis.call('ZREM', due .. ':of:' .. subscriber, id)
  if gone == 1 then redis.call('DECR', due .. ':count') end
  -- Who is ill was left alone while this one was tried.
  local failures = illness(due, subscriber)
  if failures > 0 then leave_alone(due, subscriber, failures, 0) else reckon(due, subscriber) end
  return gone == 1
end

-- What waits for the end of quiet hours counts as well.
local function waiting_of(due, subscriber)
  return redis.call('ZCARD', due .. ':of:' .. subscriber) +
         redis.call('ZCARD', due .. ':asleep:' .. subscriber)
end

local function open(state) return state:find('^pending ') or state:find('^retry ') end

local function attempts_of(state) return state and state:match('^%a+ (%d+)') or '0' end

-- It waits, or can be sent again, and so needs the body.
local function needs_body(due, id, recipient, state)
  return open(state) or state:find('^silenced ') or
         redis.call('ZSCORE', due .. ':dead', id .. '/' .. recipient) or
         redis.call('ZSCORE', due .. ':untold', id .. '/' .. recipient)
end

local WITNESS_S = 86400 -- then another is looked for

-- The body goes when nobody needs it. One who does is remembered, so that not the whole record is read
-- each time that somebody of very many does no more: whoever stands in the middle of them, so that, in
-- whatever order they go, few are left when that one goes.
local function clear_body(due, delivery, body, id)
  local witness, need = due .. ':witness:' .. id, {}
  local known = redis.call('GET', witness)
  local state = known and redis.call('HGET', delivery, known)
  if state and needs_body(due, id, known, state) then return end
  local fields = redis.call('HGETALL', delivery)
  for i = 1, #fields, 2 do
    if needs_body(due, id, fields[i], fields[i + 1]) then need[#need + 1] = fields[i] end
  end
  if #need == 0 then redis.call('DEL', body, witness)
  else redis.call('SET', witness, need[math.ceil(#need / 2)], 'EX', WITNESS_S) end
end

-- Given up, but remembered with its body: the newest of them, for as long as records are. Those who
-- could not be told when it came, such as names of nobody, take no place of those who could.
local MOST = { [':dead'] = 10000, [':untold'] = 5000 }

local function remember_dead(due, delivery, body, id, recipient, kept_s, which)
  which = which or ':dead'
  local dead, now = due .. which, now_ms()
  if redis.call('EXPIRE', body, kept_s) == 0 then return end
  redis.call('ZADD', dead, now, id .. '/' .. recipient)
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', now - kept_s * 1000)
  local over = redis.call('ZCARD', dead) - MOST[which]
  if over <= 0 then return end
  for i, member in ipairs(redis.call('ZPOPMIN', dead, over)) do
    if i % 2 == 1 then
      local other = member:match('^[^/]*')
      clear_body(due, delivery:sub(1, -#id - 1) .. other, body:sub(1, -#id - 1) .. other, other)
    end
  end
end

-- Due at this time, and behind what became due in this very ms before.
local function behind(of, now)
  local same = redis.call('ZRANGEBYSCORE', of, now, now + 0.999, 'WITHSCORES')
  return #same > 0 and same[#same] + 0.001 or now
end

-- keys: seen, delivery, due, body
-- args: alert id, body, seconds kept, limit in all, limit of one, then of each recipient: name,
--       why it cannot be told ('' = it can)
local function delivery_plan(keys, args)
  if redis.call('ZSCORE', keys[1], args[1]) then return DUP end
  local due, now = keys[3], now_ms()
  local waiting, kept = tonumber(redis.call('GET', due .. ':count') or 0), false
  for i = 6, #args, 2 do
    local subscriber, refusal = args[i], args[i + 1]
    local of, which = due .. ':of:' .. subscriber, refusal ~= '' and ':untold' or ':dead'
    if refusal == '' and (waiting >= tonumber(args[4]) or
                          waiting_of(due, subscriber) >= tonumber(args[5])) then
      refusal = 'too many deliveries wait'
    end
    local fresh = refusal == '' and 'pending 0' or 'dead 0 ' .. refusal
    if redis.call('HSETNX', keys[2], subscriber, fresh) == 1 then
      if kept then -- unless one given up just now took it along, it is still there
        redis.call('SET', keys[4], args[2], 'EX', args[3], 'NX')
      else
        redis.call('SET', keys[4], args[2], 'EX', args[3])
        kept = true
      end
      if refusal == '' then
        redis.call('ZADD', of, behind(of, now), args[1])
        redis.call('INCR', due .. ':count')
        reckon(due, subscriber)
        waiting = waiting + 1
      else
        remember_dead(due, keys[2], keys[4], args[1], subscriber, args[3], which)
      end
    end
  end
  redis.call('EXPIRE', keys[2], args[3])
  return OK
end

-- Whose it is, where several notifiers share: 0 to parts - 1. Who cannot passes it to the next.
local function part_of(subscriber, parts, passed)
  local sum = 0
  for i = 1, #subscriber do sum = (sum * 31 + subscriber:byte(i)) % 65521 end
  return (sum + tonumber(passed or 0)) % parts
end

-- How often those were passed on that were.
local function all_passed(due, parts)
  local passed, pairs_of = {}, parts > 1 and redis.call('HGETALL', due .. ':passed') or {}
  for i = 1, #pairs_of, 2 do passed[pairs_of[i]] = pairs_of[i + 1] end
  return passed
end

-- What waited for the end of its quiet hours goes before all that came since.
local function awaken(due, recipient)
  local of, asleep = due .. ':of:' .. recipient, due .. ':asleep:' .. recipient
  local items = redis.call('ZRANGE', asleep, 0, -1, 'WITHSCORES')
  for i = 1, #items, 2 do redis.call('ZADD', of, items[i + 1], items[i]) end
  redis.call('DEL', asleep)
  redis.call('HDEL', due .. ':asleep', recipient)
  reckon(due, recipient)
end

-- Something of it is due. It is awake then, if it is time.
local function is_ready(due, recipient, now, till)
  local wakes = tonumber(redis.call('HGET', due .. ':asleep', recipient))
  if not wakes or wakes > now then return true end
  awaken(due, recipient)
  return tonumber(redis.call('ZSCORE', due, recipient) or math.huge) <= till
end

-- Recipients looked at for those that are ours, in one call.
local LOOKED_MOST = 20000

-- keys: due; args: count, most of one subscriber, hidden ms, parts (0: all), part, subscribers to
--       leave out
-- answer: of each "<alert id>/<subscriber>", when it became due, ms since then, until when it is
--         hidden: that is the claim, and no other claim of it is the same
local function delivery_due(keys, args)
  local due, now, room, members, busy = keys[1], now_ms(), tonumber(args[1]), {}, {}
  local parts, part = tonumber(args[4]), tonumber(args[5])
  for i = 6, #args do busy[args[i]] = true end
  local till = now + 0.999 -- all of this ms
  local passed = all_passed(due, parts)
  -- Others' may stand before ours, for as long as whoever has them is slow.
  local ours, at, page = {}, 0, room + #args
  repeat
    local ready = redis.call('ZRANGEBYSCORE', due, '-inf', till, 'LIMIT', at, page)
    for _, subscriber in ipairs(ready) do
      if not busy[subscriber] and
         (parts == 0 or part_of(subscriber, parts, passed[subscriber]) == part) then
        ours[#ours + 1] = subscriber
      end
    end
    at = at + page
  until #ready < page or #ours >= room or at >= LOOKED_MOST
  for _, subscriber in ipairs(ours) do
    if room > 0 and is_ready(due, subscriber, now, till) then
      local failures = illness(due, subscriber)
      local most = failures > 0 and 1 or math.min(room, tonumber(args[2]))
      local of = due .. ':of:' .. subscriber
      local first = redis.call('ZRANGEBYSCORE', of, '-inf', till, 'WITHSCORES', 'LIMIT', 0, most)
      for i = 1, #first, 2 do
        local id, score, place = first[i], first[i + 1], #members
        local claim = string.format('%.0f', now + args[3] + i)
        redis.call('ZADD', of, claim, id) -- in their order, if nobody settles them
        members[place + 1] = id .. '/' .. subscriber
        members[place + 2], members[place + 3] = score, math.max(0, math.floor(now - score))
        members[place + 4] = claim
        room = room - 1
      end
      -- Who failed last time is asked once, and left alone until that one is settled.
      if failures > 0 then leave_alone(due, subscriber, failures, now + args[3])
      else reckon(due, subscriber) end
    end
  end
  return members
end

-- Who was paused until it was hidden no more may have lost it to another, who has it in hand now.
local function is_ours(due, recipient, id, claim)
  return claim == '' or
         tonumber(redis.call('ZSCORE', due .. ':of:' .. recipient, id)) == tonumber(claim)
end

-- Claimed in vain: they had no turn. Their subscribers are left alone for a while, so that others
-- get one; their own order stays. Nothing is counted as an attempt.
-- keys: due; args: (alert id, subscriber, claim, when it became due, ms)*
local function delivery_return(keys, args)
  local due, now = keys[1], now_ms()
  for i = 1, #args, 5 do
    local id, subscriber, score, ms = args[i], args[i + 1], args[i + 3], args[i + 4]
    if is_ours(due, subscriber, id, args[i + 2]) then
      redis.call('ZADD', due .. ':of:' .. subscriber, 'XX', score, id)
      leave_alone(due, subscriber, illness(due, subscriber), now + ms)
    end
  end
  return OK
end

-- Claimed by a notifier that has no such channel: the next has it from now on, and all that waits for
-- this recipient.
-- keys: due; args: alert id, recipient, claim, when it became due, parts, part
-- answer: STALE if the last has been asked
local function delivery_pass(keys, args)
  local due, id, recipient, parts = keys[1], args[1], args[2], tonumber(args[5])
  if not is_ours(due, recipient, id, args[3]) then return FENCED end
  local passed = tonumber(redis.call('HGET', due .. ':passed', recipient) or 0)
  if part_of(recipient, parts, passed) == tonumber(args[6]) then -- not by another of its deliveries
    if passed + 1 >= parts then
      redis.call('HDEL', due .. ':passed', recipient)
      return STALE
    end
    redis.call('HSET', due .. ':passed', recipient, passed + 1)
  end
  redis.call('ZADD', due .. ':of:' .. recipient, 'XX', args[4], id)
  local failures = illness(due, recipient)
  if failures > 0 then leave_alone(due, recipient, failures, 0) else reckon(due, recipient) end
  return OK
end

-- The others of one letter.
local function others_of(due, id, recipient)
  return redis.call('LRANGE', due .. ':group:' .. id .. '/' .. recipient, 1, -1)
end

-- It goes no further with the others: each waits for itself again.
local function disband(due, id, recipient)
  local others = others_of(due, id, recipient)
  for _, other in ipairs(others) do
    redis.call('ZADD', due .. ':of:' .. recipient, now_ms(), other)
  end
  redis.call('DEL', due .. ':group:' .. id .. '/' .. recipient)
  if #others > 0 then reckon(due, recipient) end
end

-- It is sent without the others that it leads: its subscriber wants no groups any more.
-- keys: due; args: alert id, recipient
local function delivery_alone(keys, args)
  disband(keys[1], args[1], args[2])
  return OK
end

-- These of the others go no further with it: each waits for itself again.
-- keys: due; args: alert id, recipient, seconds kept, ids
local function delivery_part(keys, args)
  local due, recipient, leaves, kept = keys[1], args[2], {}, {}
  local group = due .. ':group:' .. args[1] .. '/' .. recipient
  for i = 4, #args do leaves[args[i]] = true end
  for place, id in ipairs(redis.call('LRANGE', group, 0, -1)) do
    if place > 1 and leaves[id] then redis.call('ZADD', due .. ':of:' .. recipient, now_ms(), id)
    else kept[#kept + 1] = id end
  end
  redis.call('DEL', group)
  if #kept > 0 then
    redis.call('RPUSH', group, unpack(kept))
    redis.call('EXPIRE', group, args[3])
  end
  reckon(due, recipient)
  return OK
end

-- The others of the letter: as it went with the first.
local function settle_others(keys, args)
  local due, recipient, state = keys[2], args[2], args[3]
  local group = due .. ':group:' .. args[1] .. '/' .. recipient
  for _, id in ipairs(others_of(due, args[1], recipient)) do
    local delivery, body = keys[1]:sub(1, -#args[1] - 1) .. id, keys[3]:sub(1, -#args[1] - 1) .. id
    local have = redis.call('HGET', delivery, recipient)
    if have and open(have) then
      local text = state .. ' ' .. tonumber(attempts_of(have)) + 1
      redis.call('HSET', delivery, recipient, args[6] ~= '' and text .. ' ' .. args[6] or text)
      redis.call('EXPIRE', delivery, args[4])
      if state == 'dead' then remember_dead(due, delivery, body, id, recipient, args[4]) end
    end
    if state == 'retry' then redis.call('EXPIRE', body, args[4])
    else
      redis.call('DECR', due .. ':count')
      clear_body(due, delivery, body, id)
    end
  end
  if state == 'retry' then redis.call('EXPIRE', group, args[4]) else redis.call('DEL', group) end
end

-- keys: delivery, due, body
-- args: alert id, subscriber, new state, seconds kept, delay ms, error, claim
local function delivery_settle(keys, args)
  local due, id, subscriber, state = keys[2], args[1], args[2], args[3]
  if not is_ours(due, subscriber, id, args[7]) then return FENCED end
  local have = redis.call('HGET', keys[1], subscriber)
  if not have or not open(have) then
    disband(due, id, subscriber)
    local waited = drop(due, subscriber, id)
    -- It leaves a trace; but not in a Redis that was rolled back, where it has yet to be planned.
    if waited and not have and state == 'dead' then
      redis.call('HSET', keys[1], subscriber, 'dead 0 ' .. args[6])
      redis.call('EXPIRE', keys[1], args[4])
    end
    return OK
  end
  settle_others(keys, args)
  local attempts = tonumber(attempts_of(have)) + 1
  local text = state .. ' ' .. attempts
  if args[6] ~= '' then text = text .. ' ' .. args[6] end
  redis.call('HSET', keys[1], subscriber, text)
  redis.call('EXPIRE', keys[1], args[4])
  if state == 'done' then redis.call('HDEL', due .. ':ill', subscriber) end
  if state == 'retry' then
    local now, failures = now_ms(), illness(due, subscriber) + 1
    local pause = math.min(ILL_MS_MOST, ILL_MS_FIRST * 2 ^ math.min(failures - 1, 10))
    redis.call('ZADD', due .. ':of:' .. subscriber, now + args[5], id)
    leave_alone(due, subscriber, failures, now + math.min(pause, tonumber(args[5])))
    redis.call('EXPIRE', keys[3], args[4])
    return OK
  end
  drop(due, subscriber, id)
  if state == 'dead' then remember_dead(due, keys[1], keys[3], id, subscriber, args[4]) end
  clear_body(due, keys[1], keys[3], id)
  return OK
end

-- Those that were given up wait again, as if they had never been tried: of one subscriber, over all
-- channels or the one named, of one alert or ('') all.
-- keys: due, prefix of the delivery keys, prefix of the bodies
-- args: recipient, alert id, seconds kept, limit in all, limit of one; answer: how many
local function delivery_again(keys, args)
  local due, wanted, now, count = keys[1], args[1], now_ms(), 0
  local waiting = tonumber(redis.call('GET', due .. ':count') or 0)
  local letters = redis.call('ZRANGE', due .. ':dead', 0, -1)
  for _, member in ipairs(redis.call('ZRANGE', due .. ':untold', 0, -1)) do
    letters[#letters + 1] = member
  end
  for _, member in ipairs(letters) do
    local id, recipient = member:match('^([^/]*)/(.*)$')
    local of = due .. ':of:' .. recipient
    local mine = recipient == wanted or recipient:sub(1, #wanted + 1) == wanted .. '/'
    if mine and (args[2] == '' or args[2] == id) and waiting < tonumber(args[4]) and
       waiting_of(due, recipient) < tonumber(args[5]) then
      redis.call('ZREM', due .. ':dead', member)
      redis.call('ZREM', due .. ':untold', member)
      local have = redis.call('HGET', keys[2] .. id, recipient)
      if have and have:find('^dead ') and redis.call('EXPIRE', keys[3] .. id, args[3]) == 1 then
        redis.call('HSET', keys[2] .. id, recipient, 'pending 0')
        redis.call('EXPIRE', keys[2] .. id, args[3])
        redis.call('ZADD', of, now + count / 1000, id) -- in the order in which they were given up
        redis.call('INCR', due .. ':count')
        reckon(due, recipient)
        waiting, count = waiting + 1, count + 1
      end
    end
  end
  return count
end

-- It alone has to wait; others of its recipient are not concerned, nothing is counted as an attempt.
local function put_off(due, recipient, id, at)
  redis.call('ZADD', due .. ':of:' .. recipient, 'XX', at, id)
  local failures = illness(due, recipient)
  if failures > 0 then leave_alone(due, recipient, failures, 0) else reckon(due, recipient) end
end

-- Claimed in quiet hours, which are over in so many ms.
-- keys: due; args: alert id, recipient, claim, when it became due, ms
local function delivery_sleep(keys, args)
  local due, id, recipient = keys[1], args[1], args[2]
  if not is_ours(due, recipient, id, args[3]) then return FENCED end
  if redis.call('ZREM', due .. ':of:' .. recipient, id) == 1 then
    redis.call('ZADD', due .. ':asleep:' .. recipient, args[4], id)
    redis.call('HSET', due .. ':asleep', recipient, string.format('%.0f', now_ms() + args[5]))
  end
  local failures = illness(due, recipient)
  if failures > 0 then leave_alone(due, recipient, failures, 0) else reckon(due, recipient) end
  return OK
end

-- Claimed, and not in quiet hours. What waits for their end is due now; and where something goes
-- first, which may have been awake before this one was asked, it goes back into its place behind it.
-- keys: due; args: alert id, recipient, claim, when it became due; answer: 1 = not now
local function delivery_wake(keys, args)
  local due, id, recipient = keys[1], args[1], args[2]
  local of = due .. ':of:' .. recipient
  if not is_ours(due, recipient, id, args[3]) then return 1 end -- whoever has it now sees to that
  if redis.call('ZCARD', due .. ':asleep:' .. recipient) > 0 then awaken(due, recipient) end
  local first = redis.call('ZRANGEBYSCORE', of, '-inf', '(' .. args[4], 'LIMIT', 0, 1)
  if #first == 0 then return 0 end
  put_off(due, recipient, id, args[4])
  return 1
end

-- What comes within a while to one recipient, of one rule and kind, goes as one letter: the first waits
-- for the others, and from then on they are its own. Once it may go nobody joins it any more, so that
-- it is the same letter at every attempt.
-- keys: due, prefix of the delivery keys
-- args: alert id, recipient, "<rule> <kind>", ms, seconds kept, most of one letter, how many to name,
--       claim
-- answer: how many go now (0: it waits, for the others or with them), then ids
local function delivery_gather(keys, args)
  local due, id, recipient, now = keys[1], args[1], args[2], now_ms()
  local gathering = due .. ':gathering:' .. recipient .. ' ' .. args[3]
  local group = due .. ':group:' .. id .. '/' .. recipient
  local first, till = (redis.call('GET', gathering) or ''):match('^(%x+) (%d+)$')
  till = tonumber(till or 0)
  if not is_ours(due, recipient, id, args[8]) then return { 0 } end
  if redis.call('EXISTS', group) == 1 then
    if first == id and now < till then
      put_off(due, recipient, id, till)
      return { 0 }
    end
    return { redis.call('LLEN', group), unpack(redis.call('LRANGE', group, 0, args[7] - 1)) }
  end
  local theirs = first and due .. ':group:' .. first .. '/' .. recipient
  if first and first ~= id and now < till and redis.call('LLEN', theirs) < tonumber(args[6]) and
     open(redis.call('HGET', keys[2] .. first, recipient) or '') then
    if redis.call('ZREM', due .. ':of:' .. recipient, id) == 1 then
      redis.call('RPUSH', theirs, id)
      local failures = illness(due, recipient)
      if failures > 0 then leave_alone(due, recipient, failures, 0) else reckon(due, recipient) end
    end
    return { 0 }
  end
  redis.call('RPUSH', group, id)
  redis.call('EXPIRE', group, args[5])
  redis.call('SET', gathering, string.format('%s %.0f', id, now + args[4]), 'PX', args[4])
  put_off(due, recipient, id, now + args[4])
  return { 0 }
end

-- No more than so many to one recipient within any stretch of so many ms. Who was let go within it is
-- let go again, and counted once.
-- keys: due; args: alert id, recipient, count, ms; answer: 0, and it is counted, or ms to wait
local function delivery_pace(keys, args)
  local paced, now, most = keys[1] .. ':paced:' .. args[2], now_ms(), tonumber(args[3])
  redis.call('ZREMRANGEBYSCORE', paced, '-inf', now - args[4])
  if redis.call('ZSCORE', paced, args[1]) then return 0 end
  local first = redis.call('ZRANGE', paced, -most, -most, 'WITHSCORES')
  if first[2] then return math.max(1, first[2] + args[4] - now) end
  redis.call('ZADD', paced, now, args[1])
  redis.call('PEXPIRE', paced, args[4])
  return 0
end

-- Nobody will be told of this one any more: later news of its incident stands for it. Its body is
-- looked at when all are marked: that reads the whole record.
local function skip(keys, id, recipient, skipped)
  local record = keys[1] .. id
  local have = redis.call('HGET', record, recipient)
  if have and have:find('^silenced ') then
    redis.call('HSET', record, recipient, 'skipped' .. have:sub(#'silenced' + 1))
  end
  if not skipped[id] then skipped[#skipped + 1] = id end
  skipped[id] = true
end

local function clear_bodies(keys, skipped)
  for _, id in ipairs(skipped) do clear_body(keys[2], keys[1] .. id, keys[3] .. id, id) end
end

-- What is silenced, as it is kept: first and newest.
local function silenced_of(due, member)
  local text = redis.call('HGET', due .. ':silenced:of', member) or ''
  local first, first_seq, kind, seq, id = text:match('^(%l+) (%d+) (%l+) (%d+) (%x+)$')
  return first, tonumber(first_seq), kind, tonumber(seq), id
end

-- A silence is in force: these are not told now. Of each incident the newest waits for its end: what is
-- new comes in the order of its topic; what waited already is as old as its number there says. Time
-- says nothing: an incident may begin with a row that is late.
-- keys: prefix of the delivery keys, due, prefix of the bodies, perhaps seen: then what that knows is
--       left alone, as in a plan
-- args: alert id, body, seconds kept, limit, "<rule>:<series>", kind, seq, name of the silence,
--       recipients
local function delivery_silence(keys, args)
  local due, id, kind, seq, now = keys[2], args[1], args[6], tonumber(args[7]), now_ms()
  if keys[4] and redis.call('ZSCORE', keys[4], id) then return DUP end
  local skipped = {}
  for i = 9, #args do
    local recipient, record = args[i], keys[1] .. id
    local have = redis.call('HGET', record, recipient)
    if not have or open(have) then
      if have then
        disband(due, id, recipient)
        drop(due, recipient, id)
      end
      redis.call('SET', keys[3] .. id, args[2], 'EX', args[3])
      local member = recipient .. ' ' .. args[5]
      local first, first_seq, newest, newest_seq, newest_id = silenced_of(due, member)
      if not first and redis.call('ZCARD', due .. ':silenced') >= tonumber(args[4]) then
        redis.call('HSET', record, recipient, 'dead ' .. attempts_of(have) .. ' too many deliveries wait')
        remember_dead(due, record, keys[3] .. id, id, recipient, args[3])
      else
        redis.call('HSET', record, recipient, 'silenced ' .. attempts_of(have) .. ' ' .. args[8])
        local over = id
        if not first or (have and seq < first_seq) then first, first_seq = kind, seq end
        if not newest or not have or seq > newest_seq then
          newest, newest_seq, newest_id, over = kind, seq, id, newest_id
        end
        redis.call('HSET', due .. ':silenced:of', member, string.format('%s %.0f %s %.0f %s', first,
                   first_seq, newest, newest_seq, newest_id))
        redis.call('ZADD', due .. ':silenced', now, member)
        if over and over ~= newest_id then skip(keys, over, recipient, skipped) end
      end
    end
    redis.call('EXPIRE', record, args[3])
  end
  clear_bodies(keys, skipped)
  return OK
end

-- keys: due; args: how many, ms; answer: what waits for a silence to end, and was not looked at since
local function delivery_silenced(keys, args)
  return redis.call('ZRANGEBYSCORE', keys[1] .. ':silenced', '-inf', now_ms() - args[2], 'LIMIT', 0,
                    args[1])
end

-- What ends what: nothing is told of it where nobody was told of the beginning.
local OVER = { firing = 'resolved', nodata = 'data' }

-- What was silenced was looked at. It goes on waiting, or is told now: unless it is over and nobody
-- was told that it began.
-- keys: as of delivery_silence; args: seconds kept, then of each: member, "1" = silenced still
-- answer: how many are told
local function delivery_unsilence(keys, args)
  local due, now, told, skipped = keys[2], now_ms(), 0, {}
  for i = 2, #args, 2 do
    local member, recipient = args[i], args[i]:match('^(%S+)')
    local first, _, kind, _, id = silenced_of(due, member)
    local have = id and redis.call('HGET', keys[1] .. id, recipient)
    local kept = id and redis.call('EXPIRE', keys[3] .. id, args[1]) == 1
    if kept and args[i + 1] == '1' then
      redis.call('EXPIRE', keys[1] .. id, args[1])
      redis.call('ZADD', due .. ':silenced', now, member)
    else
      redis.call('ZREM', due .. ':silenced', member)
      redis.call('HDEL', due .. ':silenced:of', member)
      if kept and have and have:find('^silenced ') and OVER[first] ~= kind then
        local attempts = attempts_of(have)
        redis.call('HSET', keys[1] .. id, recipient,
                   attempts == '0' and 'pending 0' or 'retry ' .. attempts)
        redis.call('EXPIRE', keys[1] .. id, args[1])
        redis.call('ZADD', due .. ':of:' .. recipient, now, id)
        redis.call('INCR', due .. ':count')
        reckon(due, recipient)
        told = told + 1
      elseif id then
        skip(keys, id, recipient, skipped)
      end
    end
  end
  clear_bodies(keys, skipped)
  return told
end

-- The receiver at this address wants no more. Who was removed since does not come back by that.
-- keys: subscriber; args: field, address
local function subscriber_gone(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then redis.call('HSET', keys[1], args[1], args[2]) end
  return OK
end

-- keys: due; answer: how many wait, ms until the next (-1 = none)
local function delivery_waiting(keys)
  local first = redis.call('ZRANGE', keys[1], 0, 0, 'WITHSCORES')
  if not first[2] then return { 0, -1 } end
  return { tonumber(redis.call('GET', keys[1] .. ':count') or 0),
           math.max(0, math.floor(first[2]) - now_ms()) }
end

-- ---- own illness --------------------------------------------------------------------------

-- keys: causes, told; args: cause, what is noted of it ('' = nothing), what is to be
local function degraded_note(keys, args)
  if (redis.call('HGET', keys[1], args[1]) or '') ~= args[2] then return STALE end
  if args[3] ~= '' then
    redis.call('HSET', keys[1], args[1], args[3])
  else
    redis.call('HDEL', keys[1], args[1])
    redis.call('UNLINK', keys[2])
  end
  return OK
end

-- ---- views and registry -------------------------------------------------------------------

-- skew_ms: how far the sender's clock is ahead of this host's, less the time the message took.
-- keys: index, hash; args: member, lease ms, wall clock of the sender in ms, (field, value)*
local function beat(keys, args)
  local now = now_ms()
  local till = now + args[2]
  redis.call('DEL', keys[2])
  redis.call('HSET', keys[2], 'skew_ms', string.format('%.0f', args[3] - now), unpack(args, 4))
  redis.call('PEXPIREAT', keys[2], till)
  redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', now)
  redis.call('ZADD', keys[1], till, args[1])
  return OK
end

-- keys: index; answer: members whose lease runs
local function actors(keys)
  return redis.call('ZRANGEBYSCORE', keys[1], now_ms() + 1, '+inf')
end

-- keys: hash; args: ts, (field, value)*
local function latest(keys, args)
  local have = redis.call('HGET', keys[1], 'ts')
  if have and (tonumber(have) or 0) > tonumber(args[1]) then return STALE end
  redis.call('DEL', keys[1])
  redis.call('HSET', keys[1], 'ts', unpack(args))
  return OK
end

-- A view of what an incident is now: whole, whatever stood there.
-- keys: hash; args: seconds to keep ('0' = for ever), (field, value)*
local function incident(keys, args)
  redis.call('DEL', keys[1])
  redis.call('HSET', keys[1], unpack(args, 2))
  if args[1] ~= '0' then redis.call('EXPIRE', keys[1], args[1]) end
  return OK
end

-- Replays add nothing: a refused row is known by its place. Places remembered are bounded; the
-- floor is the highest one forgotten, and what is not above it counts as known. So a prep that is
-- behind others by more refused rows than that adds nothing: the total is never too high.
-- keys: counters, log, seen, sources
-- args: source, log limit, seen limit, floor field, stream, then of each: place, seq, row,
--       reason, snippet
local function quarantine(keys, args)
  local floor, fresh, reason = redis.call('HGET', keys[1], args[4]) or '', 0, nil
  for i = 6, #args, 5 do
    if args[i] > floor and redis.call('ZADD', keys[3], 'NX', 0, args[i]) == 1 then
      fresh, reason = fresh + 1, args[i + 3]
      redis.call('XADD', keys[2], 'MAXLEN', args[2], '*', 'stream', args[5], 'seq', args[i + 1],
                 'row', args[i + 2], 'reason', reason, 'snippet', args[i + 4])
    end
  end
  if fresh == 0 then return OK end
  redis.call('SADD', keys[4], args[1])
  redis.call('HSETNX', keys[1], args[4], '') -- so that the streams are known
  redis.call('HSET', keys[1], 'reason', reason)
  redis.call('HINCRBY', keys[1], 'total', fresh)
  local over = redis.call('ZCARD', keys[3]) - args[3]
  local forgotten = redis.call('ZPOPMIN', keys[3], math.max(0, over))
  if #forgotten > 0 then redis.call('HSET', keys[1], args[4], forgotten[#forgotten - 1]) end
  return OK
end

-- While a library loads there is neither redis.call nor pairs: a plain list. A Redis at its
-- `maxmemory` refuses what makes it grow, commits first of all. It must not refuse what empties
-- the outbox and keeps leases, or it could never recover: all of that is bounded.
local GROWS, BOUNDED, READS = {}, { 'allow-oom' }, { 'no-writes' }

local function register(name, callback, flags)
  redis.register_function({ function_name = '@LIBRARY@_' .. name, callback = callback,
                            flags = flags })
end

register('claim', claim, BOUNDED)
register('renew', renew, BOUNDED)
register('release', release, BOUNDED)
register('commit', commit, GROWS)
register('base_put', base_put, GROWS)
register('base_swap', base_swap, BOUNDED)
register('outbox_take', outbox_take, BOUNDED)
register('alert_log', alert_log, BOUNDED)
register('delivery_plan', delivery_plan, BOUNDED)
register('delivery_due', delivery_due, BOUNDED)
register('delivery_return', delivery_return, BOUNDED)
register('delivery_pass', delivery_pass, BOUNDED)
register('delivery_settle', delivery_settle, BOUNDED)
register('delivery_again', delivery_again, BOUNDED)
register('delivery_sleep', delivery_sleep, BOUNDED)
register('delivery_wake', delivery_wake, BOUNDED)
register('delivery_gather', delivery_gather, BOUNDED)
register('delivery_pace', delivery_pace, BOUNDED)
register('delivery_alone', delivery_alone, BOUNDED)
register('delivery_part', delivery_part, BOUNDED)
register('subscriber_gone', subscriber_gone, BOUNDED)
register('delivery_silence', delivery_silence, BOUNDED)
register('delivery_silenced', delivery_silenced, READS)
register('delivery_unsilence', delivery_unsilence, BOUNDED)
register('beat', beat, BOUNDED)
register('latest', latest, GROWS)
register('incident', incident, GROWS)
register('quarantine', quarantine, BOUNDED)
register('degraded_note', degraded_note, BOUNDED)
register('owners', owners, READS)
register('actors', actors, READS)
register('delivery_waiting', delivery_waiting, READS)
