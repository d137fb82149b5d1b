#!lua name=tollgate_bench
--[[
ValidateEntry for Redis 7, all of it in one function call.

One string a card, key c:<card id>:
  header   flags B (1 enabled, 2 unlimited), notify B, value I6 (balance in cents, or expiry in ms),
           profile length B, profile "name,phone,email"
  entries  event time ms I6, value after it I6, station I2, outcome b (1, 0, -1), amount I4; in event time order
Entries are kept sorted, so that the fraud rules scan back no further than one hour, and the newest entry carries the
card's current value, so that charging and recording are one APPEND: a tap is one GET and one APPEND. Taps of unknown
cards go to u:<id>. Alerts and fraud go to the lists card_alert_export and fraud, as comma separated rows.

Tried and slower here: GET and SET of the whole string, one hash a card, XADD instead of RPUSH. Numbers converted from
argument strings and a reply of two elements cost a fifth: ValidateEntryPacked takes the arguments as one binary string
and answers with one string, ValidateEntry is the same with the five arguments and the two columns of the contract.
--]]

local HEADER = '<BBI6B'
local ENTRY = '<I6I6I2bI4'
local ENTRY_BYTES = 19
local ARGUMENTS = '<I6I2bI4'
local HOUR_MS = 3600000
-- Reply texts kept by balance before starting over: more than a metro's fares ever lead to.
local MAX_TEXTS = 20000

-- No global exists while a library is loaded: the first call fetches these.
local call, pack, unpack, sub, format, floor

local function fetch()
  call, pack, unpack = redis.call, struct.pack, struct.unpack
  sub, format, floor = string.sub, string.format, math.floor
end

-- The stations, read once from the hash `stations` and kept with the library; PutStation changes both.
local fares, names = {}, {}

local function station_fare(id)
  local row = call('HGET', 'stations', id)
  if not row then return nil end
  local fare, name = row:match('^(%d+),(.*)$')
  fares[id], names[id] = tonumber(fare), name
  return fares[id]
end

local function put_station(keys, args)
  fetch()
  call('HSET', 'stations', args[1], args[2] .. ',' .. args[3])
  fares, names = {}, {}
  return redis.status_reply('OK')
end

local function dollars(cents)
  local rest = cents % 100
  return format('%d.%02d', (cents - rest) / 100, rest)
end

local texts, text_count = {}, 0

local function remaining_balance(cents)
  local text = texts[cents]
  if not text then
    if text_count == MAX_TEXTS then texts, text_count = {}, 0 end
    text = '1Remaining Balance: ' .. dollars(cents)
    texts[cents], text_count = text, text_count + 1
  end
  return text
end

local function timestamp(ms)
  local second = floor(ms / 1000) % 86400
  -- Civil date from days since 1970 by 400-year eras that begin in March.
  local z = floor(ms / 86400000) + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local day = doy - floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return format('%04d-%02d-%02d %02d:%02d:%02d.%03d000', year, month, day,
    floor(second / 3600), floor(second / 60) % 60, second % 60, ms % 1000)
end

-- Is the tap at `time` fraud, given the entries from byte `first` to the end of `card`?
local function is_fraud(card, first, time)
  local hour_ago = time - HOUR_MS
  local at = #card - ENTRY_BYTES + 1
  local newest_in_hour, entries = nil, 0
  while at >= first do
    local entry_time = unpack('<I6', card, at)
    if entry_time <= time then
      if entry_time <= hour_ago then break end
      if time - entry_time < 1000 then return true end
      if entries == 0 then newest_in_hour = at end
      entries = entries + 1
    elseif entry_time - time < 1000 then
      return true
    end
    at = at - ENTRY_BYTES
  end
  if entries < 5 then return false end
  if entries >= 10 then return true end
  local seen, distinct = {}, 0
  for position = newest_in_hour, newest_in_hour - (entries - 1) * ENTRY_BYTES, -ENTRY_BYTES do
    local station = unpack('<I2', card, position + 12)
    if not seen[station] then
      seen[station] = true
      distinct = distinct + 1
    end
  end
  return distinct >= 5
end

-- Records an entry that is older than the card's newest one: a rewrite, sorted, the newest keeping the value.
local function record_late(key, card, first, time, value, station, outcome, amount)
  local at = #card - ENTRY_BYTES + 1
  while at >= first and unpack('<I6', card, at) > time do at = at - ENTRY_BYTES end
  at = at + ENTRY_BYTES
  local last = #card - ENTRY_BYTES + 1
  local newest_time, _, newest_station, newest_outcome, newest_amount = unpack(ENTRY, card, last)
  call('SET', key, sub(card, 1, at - 1) .. pack(ENTRY, time, value, station, outcome, amount)
    .. sub(card, at, last - 1) .. pack(ENTRY, newest_time, value, newest_station, newest_outcome, newest_amount))
end

local function write_alert(key, time, station, profile, notify)
  call('RPUSH', 'card_alert_export', format('%s,%.0f,%s,%s,%d,Insufficient Balance',
    sub(key, 3), time, names[station], profile, notify))
end

local function write_fraud(key, time, station, activity, amount)
  local id = sub(key, 3)
  call('RPUSH', 'fraud', format('%s_%.0f,%s,%.0f,%d,%d,%d', id, time, id, time, station, activity, amount))
end

-- Judges and records a tap. The answer is "1" or "0" and the message in one string, or nil for an unknown station.
local function judge(key, time, station, activity, amount)
  local fare = fares[station] or station_fare(station)
  if not fare then return nil end
  local card = call('GET', key)
  if not card then
    call('APPEND', 'u:' .. sub(key, 3), pack(ENTRY, time, 0, station, 0, amount))
    return '0Card Invalid'
  end
  local flags, notify, value, profile_bytes = unpack(HEADER, card)
  local first = 10 + profile_bytes
  local newest_time = 0
  if #card >= first then newest_time, value = unpack('<I6I6', card, #card - ENTRY_BYTES + 1) end

  local outcome, answer = 0, nil
  if flags == 1 then
    if value < fare then
      if notify ~= 0 then write_alert(key, time, station, sub(card, 10, first - 1), notify) end
      amount = 0
      answer = '0Card has insufficient balance: ' .. dollars(value)
    elseif is_fraud(card, first, time) then
      outcome = -1
    else
      outcome, amount, value = 1, fare, value - fare
      answer = remaining_balance(value)
    end
  elseif flags == 3 then
    if value <= time then
      answer = '0Card Expired'
    elseif is_fraud(card, first, time) then
      outcome = -1
    else
      outcome, answer = 1, '1Card Expires: ' .. timestamp(value)
    end
  else
    answer = '0Card Disabled'
  end
  if outcome == -1 then
    write_fraud(key, time, station, activity, amount)
    answer = '0Fraudulent transaction'
  end

  if time >= newest_time then
    call('APPEND', key, pack(ENTRY, time, value, station, outcome, amount))
  else
    record_late(key, card, first, time, value, station, outcome, amount)
  end
  return answer
end

local function validate_entry_packed(keys, args)
  if not call then fetch() end
  local time, station, activity, amount = unpack(ARGUMENTS, args[1])
  return judge(keys[1], time, station, activity, amount) or redis.error_reply('ERR unknown station ' .. station)
end

local function validate_entry(keys, args)
  if not call then fetch() end
  local answer = judge(keys[1], args[1] + 0, args[2] + 0, args[3] + 0, args[4] + 0)
  if not answer then return redis.error_reply('ERR unknown station ' .. args[2]) end
  return { sub(answer, 1, 1) + 0, sub(answer, 2) }
end

redis.register_function('ValidateEntry', validate_entry)
redis.register_function('ValidateEntryPacked', validate_entry_packed)
redis.register_function('PutStation', put_station)
