-- Keeps a value within a bound on all of them: what ends first goes first.
--
-- KEYS: the value's; ends, by key; sizes, by key; the sum of sizes. ARGV: the value, for how many milliseconds, and
-- how many bytes there may be in all. Answers whether it is kept.

local key, ends, sizes, sum = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local value, millis, bytes_max = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- What it takes Redis to know of a key, about.
local size = #value + 2 * #key + 256

local function forget(other)
  local known = redis.call('HGET', sizes, other)
  if known then
    redis.call('HDEL', sizes, other)
    redis.call('DECRBY', sum, known)
  end
  redis.call('ZREM', ends, other)
end

forget(key)
if bytes_max < size then
  redis.call('DEL', key)
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('SET', key, value, 'PX', string.format('%.0f', millis))
redis.call('ZADD', ends, string.format('%.0f', now + millis), key)
redis.call('HSET', sizes, key, size)
local bytes = redis.call('INCRBY', sum, size)
while bytes_max < bytes do
  local first = redis.call('ZRANGE', ends, 0, 0)[1]
  if not first then
    -- Redis itself has made room: what is counted is not there any more.
    redis.call('DEL', sizes, sum)
    return 1
  end
  redis.call('DEL', first)
  forget(first)
  bytes = tonumber(redis.call('GET', sum))
end
return 1
