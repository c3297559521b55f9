-- Counts requests in Redis: the same decisions as `count.rs`, of several keys in one call, nothing between them.
--
-- ARGV: seconds and microseconds, or two empty texts for the server's own clock (by another one nothing ends by itself); then for each key how it is
-- counted, two numbers of its quota, and what the request weighs. Answers the time, then five numbers for each key:
-- whether it was let in, and what is left of its count (`shared.rs` reads it).
--
-- Numbers here are exact up to 2^53: times are microseconds, and the bucket's are seconds and nanoseconds apart.

local time = { ARGV[1], ARGV[2] }
local ends = time[1] == ''
if ends then
  time = redis.call('TIME')
end
local seconds, micros = tonumber(time[1]), tonumber(time[2])
local now = seconds * 1000000 + micros

local function put(key, numbers, millis)
  for place, number in ipairs(numbers) do
    numbers[place] = string.format('%.0f', number)
  end
  redis.call('SET', key, table.concat(numbers, ' '))
  if ends then
    redis.call('PEXPIRE', key, string.format('%.0f', math.max(millis, 1)))
  end
end

local function get(key)
  local numbers = {}
  for number in string.gmatch(redis.call('GET', key) or '', '%d+') do
    numbers[#numbers + 1] = tonumber(number)
  end
  return numbers[1] or 0, numbers[2] or 0, numbers[3] or 0
end

local ways = {}

function ways.fixed(key, limit, length, cost)
  local window, count = get(key)
  local current = math.floor(now / length)
  if window < current then
    window, count = current, 0
  end
  if limit - count < cost then
    return 0, window, count, 0, 0
  end
  count = count + cost
  put(key, { window, count }, math.ceil(((window + 1) * length - now) / 1000))
  return 1, window, count, 0, 0
end

function ways.sliding(key, limit, length, cost)
  local window, count, last = get(key)
  local current = math.floor(now / length)
  if window < current then
    last = (current - window == 1) and count or 0
    window, count = current, 0
  end
  local into = math.min(math.max(now - window * length, 0), length)
  if (limit - count - cost) * length < (length - into) * last then
    return 0, window, count, last, 0
  end
  count = count + cost
  put(key, { window, count, last }, math.ceil(((window + 2) * length - now) / 1000))
  return 1, window, count, last, 0
end

function ways.log(key, limit, length, cost)
  local at = math.max(now, tonumber(redis.call('LINDEX', key, -1) or 0))
  local first = redis.call('LINDEX', key, 0)
  while first and length <= at - tonumber(first) do
    redis.call('LPOP', key)
    first = redis.call('LINDEX', key, 0)
  end
  local count = redis.call('LLEN', key)
  if limit < count + cost then
    local way = redis.call('LINDEX', key, math.max(count + cost - limit, 1) - 1) or 0
    return 0, at, count, tonumber(redis.call('LINDEX', key, -1) or 0), tonumber(way)
  end
  local moment = string.format('%.0f', at)
  for _ = 1, cost do
    redis.call('RPUSH', key, moment)
  end
  if ends then
    redis.call('PEXPIRE', key, string.format('%.0f', math.ceil(length / 1000) + 1))
  end
  return 1, at, count + cost, at, 0
end

function ways.bucket(key, pace, depth, cost)
  local whole, nanos = get(key)
  local now_nanos = micros * 1000
  if whole < seconds or (whole == seconds and nanos < now_nanos) then
    whole, nanos = seconds, now_nanos
  end
  local sum = nanos + pace * cost
  local carried = math.floor(sum / 1000000000)
  local full, full_nanos = whole + carried, sum - carried * 1000000000
  local ahead = (full - seconds) * 1000000000 + (full_nanos - now_nanos)
  if depth < ahead then
    return 0, whole, nanos, 0, 0
  end
  put(key, { full, full_nanos }, math.ceil(ahead / 1000000))
  return 1, full, full_nanos, 0, 0
end

local told = { seconds, micros }
for place, key in ipairs(KEYS) do
  local first = 3 + (place - 1) * 4
  local way = ways[ARGV[first]]
  local a, b, cost = tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
  for _, number in ipairs({ way(key, a, b, cost) }) do
    told[#told + 1] = number
  end
end
return told
