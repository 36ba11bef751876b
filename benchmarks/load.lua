-- For wrk: send the requests of a file in turn, each with another word in place of the mark, and print the figures.
-- Arguments: the file, whose requests end with a zero byte, and the number of the first word.

local MARK = "xqxqxqxqxq"
local SYLLABLES = { "ba", "de", "fi", "go", "hu", "ja", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "za" }

local starts, ends, number = {}, {}, 0

local function word(value)
    local letters = {}
    for place = 1, #MARK / 2 do
        letters[place] = SYLLABLES[value % 16 + 1]
        value = math.floor(value / 16)
    end
    return table.concat(letters)
end

function init(arguments)
    number = tonumber(arguments[2])
    for sent in io.open(arguments[1], "rb"):read("*a"):gmatch("(%Z+)%z") do
        local first, last = sent:find(MARK, 1, true)
        starts[#starts + 1], ends[#ends + 1] = sent:sub(1, first - 1), sent:sub(last + 1)
    end
end

function request()
    number = number + 1
    local turn = number % #starts + 1
    return starts[turn] .. word(number) .. ends[turn]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "microseconds": %d, "median": %d, "p99": %d, "errors": %d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
