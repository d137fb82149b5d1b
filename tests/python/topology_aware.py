"""VoltDB's newer Python module, as it comes from PyPI: VoltClient finds the partitions, sends each call to the right
one, keeps many under way, calls every partition, and loads in bulk. usage: topology_aware.py PORT PARTITIONS"""

import concurrent.futures
import sys
import threading
import time

from voltclient import MP_INIT_PID, VoltBulkLoader, VoltClient, VoltClientError, VoltType

import checks
from checks import GRACEFUL_FAILURE, equal, refused, rows, scalar, succeeded, true

PORT, PARTITIONS = int(sys.argv[1]), int(sys.argv[2])
client = VoltClient(hosts=["127.0.0.1"], port=PORT)

INSERT = [VoltType.INTEGER, VoltType.TINYINT, VoltType.SMALLINT, VoltType.INTEGER, VoltType.BIGINT,
          VoltType.FLOAT, VoltType.DECIMAL, VoltType.STRING, VoltType.VARBINARY, VoltType.TIMESTAMP]


def row(identity):
    return (identity, 1, 2, 3, identity * 10, 0.5, None, f"row {identity}", b"\x01", None)


def count():
    return scalar(client.call("@AdHoc", [VoltType.STRING], ["SELECT COUNT(*) FROM every_type"]))


def until(what, condition):
    """The client does this on a thread of its own, so it is waited for."""
    deadline = time.monotonic() + 60
    while not condition():
        true(time.monotonic() < deadline, what)
        time.sleep(0.01)


def check_topology():
    topology = client.topology
    equal(sorted(p for p in topology.partitions if p != MP_INIT_PID), list(range(PARTITIONS)), "partitions")
    (host,) = topology.hosts.values()
    equal((host.ip, host.client_port), ("127.0.0.1", PORT), "the address to call")
    for partition in topology.partitions.values():
        equal(partition.leader_host_id, host.host_id, "leader")
    insert = topology.procedures["EVERY_TYPE.insert"]
    equal((insert.single_partition, insert.partition_param), (True, 0), "a procedure of one partition")
    equal(insert.partition_param_type, VoltType.INTEGER, "the type of its key")
    here = topology.procedures["CountHere"]
    equal((here.single_partition, here.partition_param), (True, -1), "a directed procedure")
    true(not topology.procedures["CountEverywhere"].single_partition, "a procedure of all partitions")


def check_the_client_subscribes_to_changes():
    until("the server takes the subscription", lambda: client._subscribed_conn is not None)


def check_both_sides_hash_alike():
    """Each row is found in the partition that the client's own ring names."""
    for identity in range(1, 101):
        succeeded(client.call("EVERY_TYPE.insert", INSERT, row(identity)))
    expected = [0] * PARTITIONS
    for identity in range(1, 101):
        expected[client.get_partition_for_parameter(VoltType.INTEGER, identity)] += 1
    results = client.call_all_partitions("CountHere")
    equal([r.partition_id for r in results], list(range(PARTITIONS)), "a result from each partition")
    equal([scalar(r.response) for r in results], expected, "rows of each partition")
    stats = list(client.affinity_stats().values())
    true(sum(s.affinity_sends for s in stats) >= 100, f"{stats}")


def check_a_partitioned_procedure_on_every_partition():
    results = client.call_all_partitions("EVERY_TYPE.select")
    true(all(r.ok for r in results), f"{results}")
    try:
        client.call_all_partitions("CountEverywhere")
        true(False, "the client refuses what is not of one partition")
    except VoltClientError:
        pass


def check_many_calls_under_way():
    calls = [client.call_async("EVERY_TYPE.insert", INSERT, row(i)) for i in range(1000, 3000)]
    concurrent.futures.wait(calls)
    for call in calls:
        succeeded(call.result())
    calls = {i: client.call_async("EVERY_TYPE.select", [VoltType.INTEGER], (i,)) for i in range(1000, 3000)}
    for identity, call in calls.items():
        equal(succeeded(call.result()).tables[0].tuples[0][4], identity * 10, "each call gets its own reply")


def check_many_threads():
    def work(first):
        for identity in range(first, first + 100):
            succeeded(client.call("EVERY_TYPE.upsert", INSERT, row(identity)))

    threads = [threading.Thread(target=work, args=(10_000 + 100 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (table,) = succeeded(client.call("@AdHoc", [VoltType.STRING],
                                     ["SELECT COUNT(*), MIN(id), MAX(id) FROM every_type WHERE id >= 10000"])).tables
    equal(table.tuples, [[800, 10_000, 10_799]], "rows of eight threads")


def check_bulk_loading_of_a_partitioned_table():
    failures = []
    before = count()

    def failed(fields, reason):
        failures.append((fields[0], reason))

    with VoltBulkLoader(client, "every_type", batch_size=50, failure_callback=failed) as loader:
        equal(loader.column_names[0], "ID", "columns in the table's order")
        loader.insert_rows(row(i) for i in range(20_000, 21_000))
        loader.insert_row(*row(20_500))  # there already: it alone fails, not its batch
    equal([identity for identity, _ in failures], [20_500], "failures")
    equal(loader.completed_row_count, 1000, "rows loaded")
    equal(count() - before, 1000, "rows there")
    with VoltBulkLoader(client, "every_type", upsert=True) as loader:
        loader.insert_rows(row(i)[:7] + ("again",) + row(i)[8:] for i in range(20_000, 21_000))
    equal(loader.completed_row_count, 1000, "rows put over the old ones")
    (table,) = succeeded(client.call("EVERY_TYPE.select", [VoltType.INTEGER], (20_999,))).tables
    equal(table.tuples[0][7], "again", "a row put over")


def check_bulk_loading_of_a_replicated_table():
    with VoltBulkLoader(client, "everywhere") as loader:
        loader.insert_rows((i, f"place {i}") for i in range(1, 101))
    equal(loader.failed_row_count, 0, "failures")
    results = client.call_all_partitions("PlacesHere")
    equal([scalar(r.response) for r in results], [100] * PARTITIONS, "rows in each partition")


def check_refusals_come_back_as_responses():
    refused(client.call("EVERY_TYPE.insert", INSERT, row(1)), GRACEFUL_FAILURE, "CONSTRAINT VIOLATION")
    refused(client.call("NoSuchProcedure"), checks.UNEXPECTED_FAILURE, "NoSuchProcedure")
    overview = succeeded(client.call("@SystemInformation", [VoltType.STRING], ["OVERVIEW"])).tables[0]
    true(rows(overview), "OVERVIEW")


checks.run(dict(globals()))
client.close()
