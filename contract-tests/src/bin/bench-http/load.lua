-- What wrk asks for: requests of random users for random tasks of theirs, made of few pieces.
--
-- Tasks are numbered through the users: the n-th task of user u has the id (n - 1) * users + u. Of each user's
-- tasks the last ones are there to be deleted, each once; what is read and changed are the others.

local random = math.random
local users, kept, tails, doomed, deletes = 0, 0, {}, {}, false
local threads = {}

-- How many deletes found none left, which is for the thread's own state to know and for all threads to be asked.
undeleted = 0

local function id(user, nth)
  return (nth - 1) * users + user
end

local function existing()
  local user = random(users)
  return user, id(user, random(kept))
end

local body = '{"title":"Buy milk and %s of them, unsalted"}'
local bodies = {}

local ask = {}

function ask.one()
  local user, task = existing()
  return "GET /api/tasks/" .. task .. tails[user] .. "\r\n"
end

function ask.list()
  return "GET /api/tasks" .. tails[random(users)] .. "\r\n"
end

function ask.create()
  return "POST /api/tasks" .. tails[random(users)] .. bodies[random(#bodies)]
end

function ask.update()
  local user, task = existing()
  return "PUT /api/tasks/" .. task .. tails[user] .. bodies[random(#bodies)]
end

function ask.toggle()
  local user, task = existing()
  return "PATCH /api/tasks/" .. task .. "/complete" .. tails[user] .. "\r\n"
end

function ask.delete()
  local user = table.remove(doomed)
  if not user then
    if deletes then undeleted = undeleted + 1 end
    return ask.one()
  end
  local nth = table.remove(doomed)
  return "DELETE /api/tasks/" .. id(user, nth) .. tails[user] .. "\r\n"
end

-- Which of a hundred requests are what.
local shares = {
  W1 = { one = 100 },
  W2 = { list = 100 },
  W3 = { create = 100 },
  W4 = { update = 100 },
  W5 = { toggle = 100 },
  W6 = { list = 60, one = 20, create = 10, update = 5, toggle = 3, delete = 2 },
}

local deck = {}

-- Arguments: the work, the file of tokens (one a line, that of each user), how many tasks each user has, and
-- whether some may be deleted.
function init(args)
  math.randomseed(os.time())
  for token in io.lines(args[2]) do
    users = users + 1
    tails[users] = " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nOrigin: https://app.example.com\r\n"
      .. "Authorization: Bearer " .. token .. "\r\n"
  end
  local each = tonumber(args[3])
  kept = math.ceil(each * 0.6)
  for number = 100, 999 do
    local text = body:format(number)
    bodies[#bodies + 1] = "Content-Type: application/json\r\nContent-Length: " .. #text .. "\r\n\r\n" .. text
  end
  for kind, share in pairs(shares[args[1]]) do
    for _ = 1, share do deck[#deck + 1] = ask[kind] end
  end
  deletes = args[4] == "delete"
  if not deletes then return end
  local chosen = {}
  for user = 1, users do
    for nth = kept + 1, each do chosen[#chosen + 1] = { nth, user } end
  end
  for left = #chosen, 1, -1 do
    local place = random(left)
    doomed[#doomed + 1] = chosen[place][1]
    doomed[#doomed + 1] = chosen[place][2]
    chosen[place] = chosen[left]
  end
end

function setup(thread)
  threads[#threads + 1] = thread
end

function request()
  return deck[random(#deck)]()
end

function done(summary, latency)
  local errors, missed = summary.errors, 0
  for _, thread in ipairs(threads) do missed = missed + thread:get("undeleted") end
  io.write(("\n{\"requests\":%d,\"micros\":%d,\"refused\":%d,\"broken\":%d,\"undeleted\":%d,\"p50\":%d,\"p95\":%d,\"p99\":%d}\n"):format(
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, missed,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
