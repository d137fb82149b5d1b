"""VoltClient while its server dies and comes back: calls fail while it is away, and go on by themselves afterwards, with
what was answered before still there. It says "ready" and waits for a line each time the server's state is to change.
usage: across_a_restart.py PORT"""

import sys
import time

from voltclient import VoltClient, VoltClientError, VoltType

from checks import SUCCESS, equal, scalar, true

client = VoltClient(hosts=["127.0.0.1"], port=int(sys.argv[1]), reconnect_interval=0.1, initial_backoff=0.1,
                    max_backoff=0.5)


def turn(word):
    """Tells the test that it is its turn, and waits until it has done it."""
    print(word, flush=True)
    sys.stdin.readline()


def insert(train):
    return client.call("TRAINS.insert", [VoltType.SMALLINT, VoltType.STRING], [train, f"train {train}"], timeout=30)


def trains():
    return scalar(client.call("@AdHoc", [VoltType.STRING], ["SELECT COUNT(*) FROM trains"], timeout=30))


for number in range(1, 101):
    equal(insert(number).status, SUCCESS, "insert")
turn("kill it")
try:
    insert(101)
    true(False, "a call fails while the server is away")
except VoltClientError:
    pass
turn("start it")
deadline = time.monotonic() + 60
while True:
    try:
        found = trains()
        break
    except VoltClientError:
        true(time.monotonic() < deadline, "the client finds its way back")
        time.sleep(0.05)
equal(found, 100, "every acknowledged insert is there")
equal(insert(101).status, SUCCESS, "insert")
equal(len(client.topology.partitions) > 1, True, "the topology is known again")
client.close()
print("done", flush=True)
