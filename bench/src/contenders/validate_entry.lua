#!lua name=tollgate_bench
--[[
ValidateEntry for Redis 7, all of it in one function call.

One string a card, key c:<card id>:
  header   flags B (1 enabled, 2 unlimited), notify B, value I6 (balance in cents, or expiry in ms),
           profile length B, profile "name,phone,email"
  entries  event time ms I6, value after it I6, station I2, outcome b (1, 0, -1), amount I4; in event time order
Entries are kept sorted, so that the fraud rules scan back no further than one hour, and the newest entry carries the
card's current value, so that charging and recording are one APPEND. Taps of unknown cards go to u:<id>.
Alerts and fraud go to the lists card_alert_export and fraud, as comma separated rows.
--]]

local HEADER = '<BBI6B'
local ENTRY = '<I6I6I2bI4'
local ENTRY_BYTES = 19
local HOUR_MS = 3600000

-- No global exists while a library is loaded: the first call fetches these.
local call, pack, unpack, sub, format

local function fetch()
  call, pack, unpack, sub, format = redis.call, struct.pack, struct.unpack, string.sub, string.format
end

-- The stations, read once from the hash `stations` and kept with the library; put_station changes both.
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
  fares[args[1]], names[args[1]] = nil, nil
  return redis.status_reply('OK')
end

local function dollars(cents)
  local rest = cents % 100
  return format('%d.%02d', (cents - rest) / 100, rest)
end

local function timestamp(ms)
  local days = math.floor(ms / 86400000)
  local second = math.floor(ms / 1000) % 86400
  -- Civil date from days since 1970 by 400-year eras that begin in March.
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return format('%04d-%02d-%02d %02d:%02d:%02d.%03d000', year, month, day,
    math.floor(second / 3600), math.floor(second / 60) % 60, second % 60, ms % 1000)
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

local function validate_entry(keys, args)
  if not call then fetch() end
  local station = args[2]
  local fare = fares[station] or station_fare(station)
  if not fare then return redis.error_reply('ERR unknown station ' .. station) end
  local key, time = keys[1], args[1] + 0
  local card = call('GET', key)
  if not card then
    call('APPEND', 'u:' .. sub(key, 3), pack(ENTRY, time, 0, station + 0, 0, args[4] + 0))
    return { 0, 'Card Invalid' }
  end
  local flags, notify, value, profile_bytes = unpack(HEADER, card)
  local first = 10 + profile_bytes
  local newest_time = 0
  if #card >= first then newest_time, value = unpack('<I6I6', card, #card - ENTRY_BYTES + 1) end

  local outcome, amount, message = 0, args[4] + 0, nil
  if flags == 1 then
    if value < fare then
      amount = 0
      message = 'Card has insufficient balance: ' .. dollars(value)
      if notify ~= 0 then
        call('RPUSH', 'card_alert_export', sub(key, 3) .. ',' .. args[1] .. ',' .. names[station] .. ','
          .. sub(card, 10, first - 1) .. ',' .. notify .. ',Insufficient Balance')
      end
    elseif is_fraud(card, first, time) then
      outcome = -1
    else
      outcome, amount, value = 1, fare, value - fare
      message = 'Remaining Balance: ' .. dollars(value)
    end
  elseif flags == 3 then
    if value <= time then
      message = 'Card Expired'
    elseif is_fraud(card, first, time) then
      outcome = -1
    else
      outcome, message = 1, 'Card Expires: ' .. timestamp(value)
    end
  else
    message = 'Card Disabled'
  end
  if outcome == -1 then
    local id = sub(key, 3)
    message = 'Fraudulent transaction'
    call('RPUSH', 'fraud', id .. '_' .. args[1] .. ',' .. id .. ',' .. args[1] .. ',' .. station .. ','
      .. args[3] .. ',' .. args[4])
  end

  if time >= newest_time then
    call('APPEND', key, pack(ENTRY, time, value, station + 0, outcome, amount))
  else
    record_late(key, card, first, time, value, station + 0, outcome, amount)
  end
  return { outcome == 1 and 1 or 0, message }
end

redis.register_function('ValidateEntry', validate_entry)
redis.register_function('PutStation', put_station)
