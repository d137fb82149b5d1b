"""What the Python callers of the Kafka endpoint share: their command line, the records they send, the
comparison of what comes back, and a deadline after which no program goes on.

usage of each: PROGRAM BOOTSTRAP SCENARIO [ARGUMENT…] [--sasl MECHANISM --user NAME --password WORD] [--ca
FILE]"""

import argparse
import base64
import dataclasses
import json
import logging
import os
import subprocess
import threading
import time
import traceback
import uuid

CHILDREN = []


@dataclasses.dataclass(frozen=True)
class Record:
    partition: int
    value: bytes | None
    key: bytes | None = None
    timestamp_ms: int | None = None
    headers: tuple = ()
    offset: int | None = None


def equal(actual, wanted, what=""):
    if actual != wanted:
        raise AssertionError(f"{what}: {actual!r} instead of {wanted!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def until(what, condition, seconds=60):
    """Waits for a condition that another process or thread brings about, and gives back what it answered."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        true(time.monotonic() < deadline, f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return answer


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:12]}"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("scenario")
    parser.add_argument("rest", nargs="*", metavar="argument")
    parser.add_argument(
        "--topic", help="an empty topic of four partitions, for clients that can't create one"
    )
    parser.add_argument("--sasl", help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--ca", help="the certificate that signed the server's; its presence means TLS")
    parser.add_argument(
        "--deadline", type=float, default=300, help="seconds after which the program gives up"
    )
    options = parser.parse_args()
    options.protocol = ("SASL_" if options.sasl else "") + ("SSL" if options.ca else "PLAINTEXT")
    give_up_after(options.deadline)
    return options


def child(words):
    """Starts a process that doesn't outlive this one; its output is to be read."""
    CHILDREN.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
    return CHILDREN[-1]


def leave(status):
    """Ends the program at once: threads that a client left don't delay it."""
    for process in CHILDREN:
        process.kill()
    os._exit(status)


def fail(what):
    """Ends the program for the exception at hand."""
    traceback.print_exc()
    print(f"FAILED: {what}", flush=True)
    leave(1)


def give_up_after(seconds):
    def give_up():
        print(f"FAILED: not done after {seconds:g} s", flush=True)
        leave(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()


def finish(scenarios, options):
    """Runs the scenario that was asked for, or several, separated by commas."""
    for name in options.scenario.split(","):
        true(name in scenarios, f"no scenario {name}; there are: {', '.join(scenarios)}")
        began = time.monotonic()
        try:
            scenarios[name](*options.rest)
        except BaseException:
            fail(name)
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
    print("done", flush=True)
    leave(0)


def records_for(codec, partitions=4, count=200, null_headers=True):
    """Records in which everything occurs that a client may send: null keys, null values, empty ones, values
    that compress well, explicit timestamps, headers with repeated names and (where the client lets them
    pass) null values."""
    first_ms = int(time.time() * 1000) - 3_600_000
    records = []
    for number in range(count):
        headers = (
            ("codec", codec.encode()),
            ("number", str(number).encode()),
            ("again", b"1"),
            ("again", b"2"),
            ("empty", b""),
        ) + ((("null", None),) if null_headers else ())
        value = (
            None
            if number == 7
            else b"" if number == 8 else f"{codec} {number} {'Park Street ' * 20}".encode()
        )
        key = None if number % 5 == 0 else f"key {number % 10}".encode()
        records.append(
            Record(number % partitions, value, key, first_ms + number, headers if number % 2 else ())
        )
    return records


def same_records(received, sent, partitions=4, first_offset=0):
    """Compares everything: in each partition the records sent to it, in that order, with offsets that have
    no gap."""
    for partition in range(partitions):
        wanted = [record for record in sent if record.partition == partition]
        found = [record for record in received if record.partition == partition]
        equal(len(found), len(wanted), f"records in partition {partition}")
        for position, (got, want) in enumerate(zip(found, wanted)):
            wanted_record = dataclasses.replace(want, offset=first_offset + position)
            equal(got, wanted_record, f"partition {partition}, record {position}")


def shown(record):
    """A record as the caller of `read` gets it: bytes that aren't UTF-8 become an object with their base64.
    """

    def text(data):
        if data is None:
            return None
        try:
            return bytes(data).decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(data).decode()}

    return json.dumps(
        {
            "partition": record.partition,
            "offset": record.offset,
            "key": text(record.key),
            "value": text(record.value),
            "timestamp": record.timestamp_ms,
            "headers": [[name, text(value)] for name, value in record.headers],
        }
    )


def demo_topic(line):
    """Where a line of the metro's demo goes: `card,amount,station` or `train,station,state,time`."""
    fields = line.count(",") + 1
    true(fields in (3, 4), f"neither a recharge nor a train event: {line!r}")
    return "RECHARGE" if fields == 3 else "TRAINTOPIC"


class Log(logging.Handler):
    """What a client only says in its log."""

    def __init__(self, name):
        super().__init__(logging.WARNING)
        self.lines = []
        logging.getLogger(name).addHandler(self)

    def emit(self, record):
        self.lines.append(record.getMessage())

    def of(self, call):
        """Runs a call, whose failure counts as said too."""
        try:
            call()
        except Exception as failure:
            self.lines.append(repr(failure))

    def has_one_of(self, *words):
        return any(word in line for word in words for line in self.lines)
