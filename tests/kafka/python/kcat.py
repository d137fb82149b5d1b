"""kcat as Debian brings it, run as a user would type it. It can't create topics, so `--topic` names an
empty one of four partitions; it can't set timestamps either, so those are compared with the clock. Usage:
see kafka_checks.py."""

import json
import signal
import subprocess
import threading
import time

import kafka_checks
from kafka_checks import Record, child, demo_topic, equal, shown, true, unique, until

FAST = ["-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=500"]


def settings(options):
    words = ["kcat", "-b", options.bootstrap, "-X", f"security.protocol={options.protocol}"]
    if options.sasl:
        words += [
            "-X",
            f"sasl.mechanism={options.sasl}",
            "-X",
            f"sasl.username={options.user}",
            "-X",
            f"sasl.password={options.password}",
        ]
    return words + (["-X", f"ssl.ca.location={options.ca}"] if options.ca else [])


def kcat(*words, sent=None, wanted=0):
    answer = subprocess.run([*COMMAND, *words], input=sent, capture_output=True, timeout=30)
    equal(answer.returncode, wanted, f"kcat {' '.join(words)}: {answer.stderr.decode()}; it ended with")
    return answer


def parsed(line):
    fields = json.loads(line)
    names = fields.get("headers", [])
    headers = tuple(
        (name, None if value is None else value.encode()) for name, value in zip(names[::2], names[1::2])
    )
    key, value = [None if text is None else text.encode() for text in (fields["key"], fields["payload"])]
    return Record(fields["partition"], value, key, fields["ts"], headers, fields["offset"])


def consumed(*words):
    return [parsed(line) for line in kcat("-C", "-q", "-J", *words).stdout.splitlines()]


def produce(topic, lines, *words):
    kcat(
        "-P",
        "-t",
        topic,
        "-K",
        "|",
        "-X",
        "acks=all",
        *words,
        sent="".join(f"{line}\n" for line in lines).encode(),
    )


class Member:
    """A kcat that consumes in a group until it is told to leave, or killed."""

    def __init__(self, group, topic):
        words = [
            *COMMAND,
            *FAST,
            "-q",
            "-u",
            "-J",
            "-X",
            "auto.offset.reset=earliest",
            "-X",
            "auto.commit.interval.ms=100",
            "-G",
            group,
            topic,
        ]
        self.values = []
        self.process = child(words)
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            record = parsed(line)
            self.values.append((record.partition, record.value.decode()))

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(15)


def compressions():
    topic, sent, began_ms = OPTIONS.topic, [], int(time.time() * 1000)
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        lines = [f"key {n}|{codec} {n} {'Park Street ' * 20}" for n in range(200)]
        produce(
            topic, lines, "-z", codec, "-p", "1", "-H", f"codec={codec}", "-H", "again=1", "-H", "again=2"
        )
        headers = (("codec", codec.encode()), ("again", b"1"), ("again", b"2"))
        sent += [(line.encode(), headers) for line in lines]
    records = consumed("-t", topic, "-o", "beginning", "-e")
    equal([(record.key + b"|" + record.value, record.headers) for record in records], sent, "records")
    equal(
        [(record.partition, record.offset) for record in records], [(1, n) for n in range(1000)], "places"
    )
    true(
        all(began_ms <= record.timestamp_ms <= time.time() * 1000 for record in records),
        "timestamps are of now",
    )


def group():
    topic, name = OPTIONS.topic, unique("group")
    members = [Member(name, topic), Member(name, topic)]

    def values(*whose):
        return [value for member in whose for _partition, value in member.values]

    # They start to share at a moment that can't be seen from here; so what is looked for is that both get
    # some.
    sent = []

    def both_get_something():
        sent.extend(f"first {len(sent) + n}" for n in range(200))
        produce(topic, [f"{line}|{line}" for line in sent[-200:]])
        return all(any(value in sent[-200:] for value in values(member)) for member in members)

    until("both consumers get records", both_get_something)
    until("together they get everything", lambda: set(values(*members)) >= set(sent))

    before = len(members[1].values)
    members[0].end(signal.SIGKILL)
    produce(topic, [f"second {n}|second {n}" for n in range(200)])
    second = {f"second {n}" for n in range(200)}
    until(
        "the other takes over once the killed one's session is over",
        lambda: set(values(members[1])) >= second,
        25,
    )
    equal(
        {partition for partition, _value in members[1].values[before:]},
        {0, 1, 2, 3},
        "partitions taken over",
    )
    members[1].end(signal.SIGTERM)  # commits and leaves

    produce(topic, [f"third {n}|third {n}" for n in range(50)])
    later = Member(name, topic)
    until("a third one gets what is new", lambda: len(later.values) >= 50)
    equal(
        sorted(values(later)),
        sorted(f"third {n}" for n in range(50)),
        "third records, and none before them",
    )
    later.end(signal.SIGTERM)


def seek():
    topic = OPTIONS.topic

    def ends(timestamp_ms):
        answer = kcat("-Q", "-t", f"{topic}:2:{timestamp_ms}").stdout.decode()
        return int(answer.split("offset")[1])

    first = ends(-1)
    produce(topic, [f"|early {n}" for n in range(50)], "-p", "2")
    between_ms = int(time.time() * 1000) + 2
    until("the clock goes on", lambda: time.time() * 1000 > between_ms + 2)
    produce(topic, [f"|late {n}" for n in range(50)], "-p", "2")
    equal(ends(-1), first + 100, "the end")
    equal(ends(-2), 0, "the beginning")
    equal(ends(between_ms), first + 50, "the offset for a time")
    equal(ends(between_ms + 3_600_000), -1, "the offset for a time after all records")

    def read(where, count):
        return [
            record.value.decode()
            for record in consumed("-t", topic, "-p", "2", "-o", where, "-c", str(count))
        ]

    equal(read(str(first + 70), 3), ["late 20", "late 21", "late 22"], "from an offset")
    equal(read("-5", 5), [f"late {n}" for n in range(45, 50)], "the last five")
    equal(read(f"s@{between_ms}", 2), ["late 0", "late 1"], "from a time")


def admin():
    answer = json.loads(kcat("-L", "-J").stdout)
    brokers = {broker["id"] for broker in answer["brokers"]}
    true(
        brokers and answer["controllerid"] in brokers,
        f"the controller {answer['controllerid']} is one of {brokers}",
    )
    (topic,) = [topic for topic in answer["topics"] if topic["topic"] == OPTIONS.topic]
    equal([part["partition"] for part in topic["partitions"]], [0, 1, 2, 3], "partitions")
    true(all(part["leader"] in brokers for part in topic["partitions"]), "each partition has a leader")


def idempotent():
    topic, word = OPTIONS.topic, unique("idempotent")
    produce(topic, [f"|{word} {n}" for n in range(1000)], "-p", "3", "-X", "enable.idempotence=true")
    values = [record.value for record in consumed("-t", topic, "-p", "3", "-o", "-1000", "-e")]
    equal(values, [f"{word} {n}".encode() for n in range(1000)], "records")


def recharge(*lines):
    for line in lines:
        kcat("-P", "-t", demo_topic(line), "-X", "acks=all", sent=f"{line}\n".encode())


def read(topic, count, group_name):
    words = [*FAST, "-q", "-J", "-X", "auto.offset.reset=earliest", "-c", count, "-G", group_name, topic]
    for line in kcat(*words).stdout.splitlines():
        print(shown(parsed(line)))


def denied():
    answer = subprocess.run([*COMMAND, "-L", "-m", "5"], capture_output=True, timeout=30)
    true(answer.returncode != 0, "a wrong password is refused")
    said = answer.stderr.decode()
    true("authentication" in said.lower(), f"an authentication error: {said}")


OPTIONS = kafka_checks.arguments()
COMMAND = settings(OPTIONS)
kafka_checks.finish(
    {
        scenario.__name__: scenario
        for scenario in (compressions, group, seek, admin, idempotent, recharge, read, denied)
    },
    OPTIONS,
)
