/**
 * Writes books and their best quotes, each only where nothing newer is known. KEYS: quote, book per entry. ARGV: time to live in
 * ms, fields per quote, and per entry: receive time, book, channel, message, then the fields of the quote. Returns how many were
 * taken.
 *
 * What somebody else put under such a key is replaced: a value of another type, one without an end, one without a time.
 */
export const PUT_BOOKS = `
local ttl, width = ARGV[1], tonumber(ARGV[2])
local taken, at = 0, 3
for i = 1, #KEYS, 2 do
  local quote, book = KEYS[i], KEYS[i + 1]
  local known = redis.pcall('HGET', quote, 'receiveTimeMs')
  local newest = type(known) == 'string' and tonumber(known) or nil
  if not newest or newest <= tonumber(ARGV[at]) or redis.call('PTTL', quote) < 0 then
    redis.call('DEL', quote)
    redis.call('HSET', quote, unpack(ARGV, at + 4, at + 3 + width))
    redis.call('PEXPIRE', quote, ttl)
    redis.call('SET', book, ARGV[at + 1], 'PX', ttl)
    redis.call('PUBLISH', ARGV[at + 2], ARGV[at + 3])
    taken = taken + 1
  end
  at = at + 4 + width
end
return taken
`;
