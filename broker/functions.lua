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
--   <due>:count            how many wait in all
--   <due>:dead             "<alert id>/<recipient>" by the time it was given up: can be sent again
--   <due>:paced:<recipient>  alert ids by the time they went out, of who has a rate
local ILL_MS_FIRST, ILL_MS_MOST = 1000, 60000

local function illness(due, subscriber)
  local failures, till = (redis.call('HGET', due .. ':ill', subscriber) or ''):match('^(%d+) (%d+)$')
  return tonumber(failures or 0), tonumber(till or 0)
end

-- When is this subscriber's next delivery due?
local function reckon(due, subscriber)
  local first = redis.call('ZRANGE', due .. ':of:' .. subscriber, 0, 0, 'WITHSCORES')
  if not first[2] then
    redis.call('ZREM', due, subscriber)
    redis.call('HDEL', due .. ':ill', subscriber)
    return
  end
  local _, till = illness(due, subscriber)
  redis.call('ZADD', due, math.max(tonumber(first[2]), till), subscriber)
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
end

local function open(state) return state:find('^pending ') or state:find('^retry ') end

-- The body goes when no delivery of the alert waits or can be sent again.
local function clear_body(due, delivery, body, id)
  local fields = redis.call('HGETALL', delivery)
  for i = 1, #fields, 2 do
    if open(fields[i + 1]) or redis.call('ZSCORE', due .. ':dead', id .. '/' .. fields[i]) then
      return
    end
  end
  redis.call('DEL', body)
end

-- Given up, but remembered with its body: the newest DEAD_MOST of them, for as long as records are.
local DEAD_MOST = 10000

local function remember_dead(due, delivery, body, id, recipient, kept_s)
  local dead, now = due .. ':dead', now_ms()
  if redis.call('EXPIRE', body, kept_s) == 0 then return end
  redis.call('ZADD', dead, now, id .. '/' .. recipient)
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', now - kept_s * 1000)
  local over = redis.call('ZCARD', dead) - DEAD_MOST
  if over <= 0 then return end
  for i, member in ipairs(redis.call('ZPOPMIN', dead, over)) do
    if i % 2 == 1 then
      local other = member:match('^[^/]*')
      clear_body(due, delivery:sub(1, -#id - 1) .. other, body:sub(1, -#id - 1) .. other, other)
    end
  end
end

-- keys: seen, delivery, due, body
-- args: alert id, body, seconds kept, limit in all, limit of one, then of each recipient: name,
--       why it cannot be told ('' = it can)
local function delivery_plan(keys, args)
  if redis.call('ZSCORE', keys[1], args[1]) then return DUP end
  local due, now = keys[3], now_ms()
  local waiting = tonumber(redis.call('GET', due .. ':count') or 0)
  for i = 6, #args, 2 do
    local subscriber, refusal = args[i], args[i + 1]
    local of = due .. ':of:' .. subscriber
    if refusal == '' and (waiting >= tonumber(args[4]) or
                          redis.call('ZCARD', of) >= tonumber(args[5])) then
      refusal = 'too many deliveries wait'
    end
    local fresh = refusal == '' and 'pending 0' or 'dead 0 ' .. refusal
    if redis.call('HSETNX', keys[2], subscriber, fresh) == 1 then
      redis.call('SET', keys[4], args[2], 'EX', args[3])
      if refusal == '' then
        redis.call('ZADD', of, now, args[1])
        redis.call('INCR', due .. ':count')
        reckon(due, subscriber)
        waiting = waiting + 1
      else
        remember_dead(due, keys[2], keys[4], args[1], subscriber, args[3])
      end
    end
  end
  redis.call('EXPIRE', keys[2], args[3])
  return OK
end

-- keys: due; args: count, most of one subscriber, hidden ms, subscribers to leave out
-- answer: "<alert id>/<subscriber>" of each
local function delivery_due(keys, args)
  local due, now, room, members, busy = keys[1], now_ms(), tonumber(args[1]), {}, {}
  for i = 4, #args do busy[args[i]] = true end
  local ready = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, room + #args)
  for _, subscriber in ipairs(ready) do
    if room == 0 then break end
    if not busy[subscriber] then
      local failures = illness(due, subscriber)
      local most = failures > 0 and 1 or math.min(room, tonumber(args[2]))
      local of = due .. ':of:' .. subscriber
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', of, '-inf', now, 'LIMIT', 0, most)) do
        redis.call('ZADD', of, now + args[3], id)
        members[#members + 1] = id .. '/' .. subscriber
        room = room - 1
      end
      -- Who failed last time is asked once, and left alone until that one is settled.
      if failures > 0 then leave_alone(due, subscriber, failures, now + args[3])
      else reckon(due, subscriber) end
    end
  end
  return members
end

-- Claimed in vain: they had no turn. Their subscribers are left alone for a while, so that others
-- get one. Nothing is counted as an attempt.
-- keys: due; args: (alert id, subscriber, ms)*
local function delivery_return(keys, args)
  local due, now = keys[1], now_ms()
  for i = 1, #args, 3 do
    local id, subscriber, ms = args[i], args[i + 1], args[i + 2]
    redis.call('ZADD', due .. ':of:' .. subscriber, 'XX', now, id)
    leave_alone(due, subscriber, illness(due, subscriber), now + ms)
  end
  return OK
end

-- keys: delivery, due, body
-- args: alert id, subscriber, new state, seconds kept, delay ms, error
local function delivery_settle(keys, args)
  local due, id, subscriber, state = keys[2], args[1], args[2], args[3]
  local have = redis.call('HGET', keys[1], subscriber)
  if not have or not open(have) then
    drop(due, subscriber, id)
    return OK
  end
  local attempts = tonumber(have:match('^%a+ (%d+)') or 0) + 1
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
  for _, member in ipairs(redis.call('ZRANGE', due .. ':dead', 0, -1)) do
    local id, recipient = member:match('^([^/]*)/(.*)$')
    local of = due .. ':of:' .. recipient
    local mine = recipient == wanted or recipient:sub(1, #wanted + 1) == wanted .. '/'
    if mine and (args[2] == '' or args[2] == id) and waiting < tonumber(args[4]) and
       redis.call('ZCARD', of) < tonumber(args[5]) then
      redis.call('ZREM', due .. ':dead', member)
      local have = redis.call('HGET', keys[2] .. id, recipient)
      if have and have:find('^dead ') and redis.call('EXPIRE', keys[3] .. id, args[3]) == 1 then
        redis.call('HSET', keys[2] .. id, recipient, 'pending 0')
        redis.call('EXPIRE', keys[2] .. id, args[3])
        redis.call('ZADD', of, now, id)
        redis.call('INCR', due .. ':count')
        reckon(due, recipient)
        waiting, count = waiting + 1, count + 1
      end
    end
  end
  return count
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

-- keys: due; answer: how many wait, ms until the next (-1 = none)
local function delivery_waiting(keys)
  local first = redis.call('ZRANGE', keys[1], 0, 0, 'WITHSCORES')
  if not first[2] then return { 0, -1 } end
  return { tonumber(redis.call('GET', keys[1] .. ':count') or 0),
           math.max(0, tonumber(first[2]) - now_ms()) }
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
register('delivery_settle', delivery_settle, BOUNDED)
register('delivery_again', delivery_again, BOUNDED)
register('delivery_pace', delivery_pace, BOUNDED)
register('beat', beat, BOUNDED)
register('latest', latest, GROWS)
register('quarantine', quarantine, BOUNDED)
register('owners', owners, READS)
register('actors', actors, READS)
register('delivery_waiting', delivery_waiting, READS)
