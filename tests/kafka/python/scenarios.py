"""The scenarios, written once for every Python client. A client is an object with the methods used here;
each client's own program translates them to that client's calls."""

import queue
import threading
import time

from kafka_checks import Record, demo_topic, equal, records_for, same_records, shown, true, unique, until


def send_all(client, topic, records, **how):
    producer = client.producer(**how)
    for record in records:
        producer.send(topic, record)
    producer.close()


def read_all(client, topic, partitions, count, seconds=20):
    """Everything in a topic from its beginning, and a moment more in which nothing else may come."""
    consumer = client.consumer()
    consumer.assign(topic, range(partitions))
    records = []
    deadline = time.monotonic() + seconds
    while len(records) < count:
        true(time.monotonic() < deadline, f"{len(records)} of {count} records came within {seconds} s")
        records += consumer.poll(0.5)
    records += consumer.poll(0.2)
    consumer.close()
    return records


class Member(threading.Thread):
    """A consumer of a group on a thread of its own, committing what it has handed over. A commit may come
    too late, when the partitions are being shared anew: then the records come again."""

    def __init__(self, client, group, topic):
        super().__init__(daemon=True)
        self.client, self.group, self.topic = client, group, topic
        self.received = queue.Queue()
        self.partitions, self.committed = (), {}
        self.failure = None
        self.stopping = threading.Event()
        self.start()

    def run(self):
        try:
            consumer = self.client.consumer(group=self.group)
            consumer.subscribe(self.topic)
            while not self.stopping.is_set():
                for record in consumer.poll(0.2):
                    self.received.put(record)
                    try:
                        consumer.commit_behind(self.topic, record)
                        self.committed[record.partition] = record.offset + 1
                    except self.client.too_late:
                        pass
                self.partitions = consumer.assignment()
            consumer.close()
        except Exception as failure:  # told to the thread that waits
            self.failure = failure

    def take(self):
        if self.failure:
            raise self.failure
        taken = []
        while not self.received.empty():
            taken.append(self.received.get())
        return taken

    def stop(self):
        self.stopping.set()
        self.join(15)
        true(not self.is_alive(), "a consumer closes within 15 s")
        return self.take()


def keyed(word, count):
    """Records whose partition the client's own partitioner chooses."""
    return [Record(None, f"{word} {number}".encode(), f"key {number}".encode()) for number in range(count)]


def compressions(client):
    topic, sent = unique("compressions"), []
    client.create_topic(topic, 4)
    for codec in client.codecs:
        records = records_for(codec, null_headers=client.null_headers)
        send_all(client, topic, records, codec=codec)
        sent += records
    same_records(read_all(client, topic, 4, len(sent)), sent)
    client.delete_topic(topic)


def group(client):
    topic, name = unique("group"), unique("group")
    client.create_topic(topic, 4)
    stays = Member(client, name, topic)
    until("one consumer has all partitions", lambda: len(stays.partitions) == 4 or stays.failure)
    leaves = Member(client, name, topic)

    def shared():
        true(stays.failure is None and leaves.failure is None, f"{stays.failure} {leaves.failure}")
        return len(stays.partitions) == 2 and len(leaves.partitions) == 2

    until("two consumers share four partitions", shared)
    equal(set(stays.partitions) & set(leaves.partitions), set(), "partitions given to both")

    def gathered(members, into, count):
        for member in members:
            into += [record.value for record in member.take()]
        return len(set(into)) >= count

    def gathered_again(into, count):
        # What the one that left had not committed comes again.
        gathered((stays,), into, count)
        return len({value for value in into if value.startswith(b"second")}) >= count

    first = []
    send_all(client, topic, keyed("first", 200))
    until("both get everything", lambda: gathered((stays, leaves), first, 200))
    equal(sorted(first), sorted(record.value for record in keyed("first", 200)), "first records, once each")

    second = []
    send_all(client, topic, keyed("second", 200))
    second += [record.value for record in leaves.stop()]
    until("the one that stays takes over", lambda: gathered_again(second, 200))
    received = {value for value in second if value.startswith(b"second")}
    equal(received, {record.value for record in keyed("second", 200)}, "second records, at least once")
    until("all partitions are with the one that stays", lambda: len(stays.partitions) == 4)

    def all_committed():
        committed = [
            max(member.committed.get(partition, 0) for member in (stays, leaves)) for partition in range(4)
        ]
        return sum(committed) == 400

    until("everything is committed", all_committed)
    stays.stop()

    send_all(client, topic, keyed("third", 50))
    third, later = [], Member(client, name, topic)
    until("the group goes on behind what it committed", lambda: gathered((later,), third, 50))
    later.stop()
    equal(
        sorted(third),
        sorted(record.value for record in keyed("third", 50)),
        "third records, and none before them",
    )
    client.delete_topic(topic)


def seek(client):
    topic, name = unique("seek"), unique("seek")
    client.create_topic(topic, 2)
    first_ms = int(time.time() * 1000) - 3_600_000
    send_all(
        client,
        topic,
        [Record(0, str(number).encode(), None, first_ms + number * 1000) for number in range(100)],
    )
    consumer = client.consumer(group=name)
    consumer.assign(topic, [0])
    equal(consumer.first_and_end(topic, 0), (0, 100), "partition 0 begins and ends")
    equal(consumer.first_and_end(topic, 1), (0, 0), "partition 1 begins and ends")
    equal(
        consumer.offset_for_time(topic, 0, first_ms + 40_500),
        41,
        "the offset for a time between two records",
    )
    equal(consumer.offset_for_time(topic, 0, first_ms + 40_000), 40, "the offset for a record's very time")
    equal(consumer.offset_for_time(topic, 0, first_ms - 1), 0, "the offset for a time before all records")
    equal(
        consumer.offset_for_time(topic, 0, first_ms + 100_000),
        None,
        "the offset for a time after all records",
    )

    def next_record():
        received = until("a record", lambda: consumer.poll(0.5))
        return received[0].offset, received[0].value

    equal(next_record(), (0, b"0"), "from the beginning")
    consumer.seek(topic, 0, 70)
    equal(next_record(), (70, b"70"), "after seek(70)")
    consumer.seek(topic, 0, 3)
    equal(next_record(), (3, b"3"), "after seek(3)")
    consumer.seek(topic, 0, 100)
    equal(consumer.poll(0.3), [], "at the end there is nothing")
    send_all(client, topic, [Record(0, b"one more")])
    equal(next_record(), (100, b"one more"), "what comes after seeking to the end")

    equal(consumer.committed(topic, 0), None, "committed before any commit")
    consumer.commit_behind(topic, Record(0, None, offset=41))
    equal(consumer.committed(topic, 0), 42, "committed")
    consumer.close()
    again = client.consumer(group=name)
    again.assign(topic, [0])
    equal(again.committed(topic, 0), 42, "committed, seen by another consumer")
    equal(again.committed(topic, 1), None, "committed where nothing was")
    again.close()
    client.delete_topic(topic)


def admin(client):
    topic, name = unique("admin"), unique("admin")
    client.create_topic(topic, 3, {"retention.ms": "3600000"})
    until("the topic is listed", lambda: topic in client.topics())
    true(
        client.create_again_is_refused(topic),
        "creating a topic that is there is refused as TOPIC_ALREADY_EXISTS",
    )
    equal(client.partition_count(topic), 3, "partitions")
    equal(client.topic_config(topic).get("retention.ms"), "3600000", "retention.ms")
    if hasattr(client, "create_partitions"):
        client.create_partitions(topic, 5)
        until("there are two more partitions", lambda: client.partition_count(topic) == 5)
    brokers, controller = client.cluster()
    true(brokers, "there are brokers")
    true(controller in brokers, f"the controller {controller} is one of {brokers}")

    send_all(client, topic, [Record(0, b"value")])
    member = Member(client, name, topic)
    until("the consumer gets the record", member.take)
    true(name in client.groups(), "the group is listed")
    equal(client.group_state(name), "Stable", "the group's state")
    member.stop()
    until("the group is empty", lambda: client.group_state(name) == "Empty")
    equal(client.group_offsets(name), {(topic, 0): 1}, "the group's offsets")
    if hasattr(client, "delete_group"):
        client.delete_group(name)
        until("the group is gone", lambda: name not in client.groups())
    client.delete_topic(topic)
    until("the topic is gone", lambda: topic not in client.topics())


def idempotent(client):
    topic, sent = unique("idempotent"), []
    client.create_topic(topic, 4)
    for round_number in range(3):
        records = [
            Record(number % 4, f"{round_number} {number}".encode(), None, 1000 + int(time.time() * 1000))
            for number in range(1000)
        ]
        send_all(client, topic, records, idempotent=True)
        sent += records
    same_records(read_all(client, topic, 4, len(sent)), sent)
    client.delete_topic(topic)


def recharge(client, *lines):
    producer = client.producer()
    for line in lines:
        producer.send(demo_topic(line), Record(None, line.encode()))
    producer.close()


def read(client, topic, count, group_name):
    """Prints exactly that many records, and commits behind them, so that the next reader of the group goes
    on there."""
    consumer, left = client.consumer(group=group_name), int(count)
    consumer.subscribe(topic)
    last = {}
    while left:
        for record in consumer.poll(0.5)[:left]:
            print(shown(record), flush=True)
            last[record.partition] = record
            left -= 1
    for record in last.values():
        consumer.commit_behind(topic, record)
    consumer.close()


def scenarios(client):
    functions = [compressions, group, seek, admin, recharge, read]
    if client.can_be_idempotent:
        functions.append(idempotent)
    table = {
        function.__name__: lambda *rest, function=function: function(client, *rest)
        for function in functions
    }
    table["denied"] = client.denied
    return table
