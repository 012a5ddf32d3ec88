-- wrk: each thread calls its own port of those in PORTS.
local ports = {}
for port in string.gmatch(os.getenv("PORTS"), "%d+") do table.insert(ports, port) end
local count = 0

function setup(thread)
  count = count + 1
  thread.addr = wrk.lookup("127.0.0.1", ports[count])[1]
end
