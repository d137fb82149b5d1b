"""faust-streaming as it comes from PyPI: workers with agents and a table whose changelog is a topic. A
worker is a process of its own, as faust's users run it; the program starts itself for each. Usage: see
kafka_checks.py."""

import asyncio
import json
import signal
import ssl
import sys
import tempfile
import threading
import time

import faust
from aiokafka.admin import AIOKafkaAdminClient

import kafka_checks
from kafka_checks import (
    Log,
    Record,
    child,
    demo_topic,
    equal,
    records_for,
    same_records,
    shown,
    unique,
    until,
)

OPTIONS = kafka_checks.arguments()


def make_app(name, codec="none"):
    settings = {}
    context = ssl.create_default_context(cafile=OPTIONS.ca) if OPTIONS.ca else None
    if OPTIONS.sasl:
        settings["broker_credentials"] = faust.SASLCredentials(
            mechanism=OPTIONS.sasl, username=OPTIONS.user, password=OPTIONS.password, ssl_context=context
        )
    elif context:
        settings["broker_credentials"] = faust.SSLCredentials(context)
    return faust.App(
        name,
        broker=f"aiokafka://{OPTIONS.bootstrap}",
        store="memory://",
        datadir=tempfile.mkdtemp(),
        web_enabled=False,
        topic_partitions=4,
        topic_replication_factor=1,
        broker_session_timeout=6,
        broker_heartbeat_interval=0.5,
        broker_commit_interval=0.1,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        producer_linger=0.005,
        producer_compression_type=None if codec == "none" else codec,
        **settings,
    )


def raw_topic(app, name):
    return app.topic(name, key_serializer="raw", value_serializer="raw", partitions=4)


def received(message):
    headers = message.headers.items() if hasattr(message.headers, "items") else message.headers or ()
    return Record(
        message.partition,
        message.value,
        message.key,
        round(message.timestamp * 1000),
        tuple(headers),
        message.offset,
    )


def run_until(app, ready):
    """Runs a worker until the coroutine that it is given comes to its end. The program ends with it if it does
    not succeed: tasks of a worker that was not stopped do not let themselves be cancelled."""

    async def within(what, step, seconds=60):
        try:
            await asyncio.wait_for(step, seconds)
        except BaseException:
            kafka_checks.fail(f"{what}, within {seconds} s")

    async def run():
        await within("the worker starts", app.start())
        await within("it is ready", ready())
        await within("it stops", app.stop())

    asyncio.run(run())


def send_all(topic_name, records, codec="none"):
    app = make_app(unique("producer"), codec)
    topic = raw_topic(app, topic_name)
    app.producer_only = True

    async def send():
        await topic.maybe_declare()
        sent = [
            await topic.send(
                key=record.key,
                value=record.value,
                partition=record.partition,
                headers=list(record.headers),
                timestamp=record.timestamp_ms and record.timestamp_ms / 1000,
            )
            for record in records
        ]
        await asyncio.gather(*sent)

    run_until(app, send)


def work(topic_name, group, limit="1000000000"):
    """A worker that prints what it gets, and stops by itself after that many records."""
    app = make_app(group)
    count, enough = 0, asyncio.Event()

    @app.agent(raw_topic(app, topic_name))
    async def each(stream):
        nonlocal count
        async for event in stream.events():
            if count < int(limit):
                print(shown(received(event.message)), flush=True)
            count += 1
            if count == int(limit):
                enough.set()
                await asyncio.sleep(3600)  # so that nothing behind it is acknowledged

    async def ready():
        await enough.wait()
        await asyncio.sleep(0.5)

    run_until(app, ready)


class Worker:
    def __init__(self, topic, group):
        words = [
            sys.executable,
            __file__,
            OPTIONS.bootstrap,
            "work",
            topic,
            group,
            "--deadline",
            str(OPTIONS.deadline),
        ]
        for name in ("sasl", "user", "password", "ca"):
            if value := getattr(OPTIONS, name):
                words += [f"--{name}", value]
        self.records = []
        self.process = child(words)
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            if line.startswith(b"{"):
                self.records.append(json.loads(line))

    def values(self):
        return [record["value"] for record in self.records]

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def compressions():
    topic, sent, found = unique("compressions"), [], []
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        records = [record for record in records_for(codec, null_headers=False) if record.value]
        send_all(topic, records, codec)
        sent += records
    app = make_app(unique("reader"))

    @app.agent(raw_topic(app, topic))
    async def each(stream):
        async for event in stream.events():
            found.append(received(event.message))

    async def ready():
        while len(found) < len(sent):
            await asyncio.sleep(0.05)

    run_until(app, ready)
    same_records(found, sent)


def numbered(word, count):
    return [
        Record(number % 4, f"{word} {number}".encode(), f"key {number}".encode()) for number in range(count)
    ]


def group():
    topic, name, sent = unique("group"), unique("group"), []
    workers = [Worker(topic, name), Worker(topic, name)]

    def both_get_something():
        more = numbered(f"first {len(sent)}", 100)
        sent.extend(record.value.decode() for record in more)
        send_all(topic, more)
        time.sleep(0.5)
        return all(set(worker.values()) & {record.value.decode() for record in more} for worker in workers)

    until("both workers get records", both_get_something, 90)
    until(
        "together they get everything", lambda: set(workers[0].values() + workers[1].values()) >= set(sent)
    )
    workers[0].end()
    second = numbered("second", 100)
    send_all(topic, second)
    wanted = {record.value.decode() for record in second}
    until(
        "the other takes over once the killed one's session is over",
        lambda: wanted <= set(workers[1].values()),
        90,
    )
    workers[1].end()


async def committed(name, topic):
    """The offsets that a group has committed, by partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=OPTIONS.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(name)
    finally:
        await admin.close()
    return {at.partition: told.offset for at, told in offsets.items() if at.topic == topic}


def table():
    """Counts in a table. A second worker of the same name has the table again, from the changelog, and goes on
    where the first has ended."""
    topic, name = unique("table"), unique("table")

    def counted(word, total):
        send_all(
            topic,
            [Record(number % 4, word.encode(), f"key {number % 20}".encode()) for number in range(100)],
        )
        app = make_app(name)
        counts = app.Table("counts", default=int, partitions=4)
        seen = []

        @app.agent(raw_topic(app, topic))
        async def each(stream):
            async for event in stream.events():
                counts[event.key.decode()] += 1
                seen.append(event.value)

        async def ready():
            while sum(counts.values()) < total:
                await asyncio.sleep(0.05)
            equal(dict(counts.items()), {f"key {number}": total // 20 for number in range(20)}, "counts")
            equal(seen, [word.encode()] * 100, "what this worker worked on")
            while await committed(name, topic) != {partition: total // 4 for partition in range(4)}:
                await asyncio.sleep(0.05)

        run_until(app, ready)

    counted("first", 100)
    counted("second", 200)


def recharge(*lines):
    for line in lines:
        send_all(demo_topic(line), [Record(None, line.encode())])


def read(topic, count, group_name):
    work(topic, group_name, count)


def denied():
    said = Log("aiokafka")
    app = make_app(unique("denied"))
    app.producer_only = True
    threading.Thread(
        target=said.of, args=(lambda: asyncio.run(app.start()),), daemon=True
    ).start()
    until(
        "the client says that authentication failed",
        lambda: said.has_one_of("AuthenticationFailed", "Authentication failed"),
    )


kafka_checks.finish(
    {
        scenario.__name__: scenario
        for scenario in (compressions, group, table, recharge, read, work, denied)
    },
    OPTIONS,
)
