"""aiokafka as it comes from PyPI. Its event loop runs on a thread of its own, so that its heartbeats go on
while the checks wait. Usage: see kafka_checks.py."""

import asyncio
import ssl
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import CommitFailedError, RebalanceInProgressError, TopicAlreadyExistsError, for_code

import kafka_checks
from kafka_checks import Log, Record, equal, true
from scenarios import scenarios

LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, daemon=True).start()


def wait(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, LOOP).result()


def made(kind, settings):
    """Makes and starts a producer, consumer or admin client; they want to be made inside the loop."""

    async def make():
        thing = kind(**settings)
        try:
            await thing.start()
        except BaseException:
            await (thing.close() if hasattr(thing, "close") else thing.stop())
            raise
        return thing

    return wait(make())


class AioProducer:
    def __init__(self, settings):
        self.producer, self.sent = made(AIOKafkaProducer, settings), []

    def send(self, topic, record):
        self.sent.append(
            wait(
                self.producer.send(
                    topic,
                    record.value,
                    record.key,
                    record.partition,
                    record.timestamp_ms,
                    list(record.headers),
                )
            )
        )

    def close(self):
        async def all_sent():
            await asyncio.wait_for(asyncio.gather(*self.sent), 20)

        wait(all_sent())
        wait(self.producer.stop())


class AioConsumer:
    def __init__(self, settings):
        self.consumer = made(AIOKafkaConsumer, settings)

    def subscribe(self, topic):
        self.consumer.subscribe([topic])

    def assign(self, topic, partitions):
        async def assign():
            self.consumer.assign([TopicPartition(topic, partition) for partition in partitions])

        wait(assign())

    def assignment(self):
        return [entry.partition for entry in self.consumer.assignment()]

    def poll(self, seconds):
        batches = wait(self.consumer.getmany(timeout_ms=int(seconds * 1000), max_records=20))
        return [
            Record(
                message.partition,
                message.value,
                message.key,
                message.timestamp,
                tuple(message.headers),
                message.offset,
            )
            for batch in batches.values()
            for message in batch
        ]

    def seek(self, topic, partition, offset):
        self.consumer.seek(TopicPartition(topic, partition), offset)

    def first_and_end(self, topic, partition):
        place = TopicPartition(topic, partition)
        first, end = wait(self.consumer.beginning_offsets([place])), wait(
            self.consumer.end_offsets([place])
        )
        return first[place], end[place]

    def offset_for_time(self, topic, partition, timestamp_ms):
        place = TopicPartition(topic, partition)
        answer = wait(self.consumer.offsets_for_times({place: timestamp_ms}))[place]
        return answer and answer.offset

    def commit_behind(self, topic, record):
        wait(self.consumer.commit({TopicPartition(topic, record.partition): record.offset + 1}))

    def committed(self, topic, partition):
        return wait(self.consumer.committed(TopicPartition(topic, partition)))

    def close(self):
        wait(self.consumer.stop())


class AioClient:
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    can_be_idempotent = True
    null_headers = True
    too_late = (CommitFailedError, RebalanceInProgressError)

    def __init__(self, options):
        self.settings = {"bootstrap_servers": options.bootstrap, "security_protocol": options.protocol}
        if options.sasl:
            self.settings |= {
                "sasl_mechanism": options.sasl,
                "sasl_plain_username": options.user,
                "sasl_plain_password": options.password,
            }
        if options.ca:
            self.settings |= {"ssl_context": ssl.create_default_context(cafile=options.ca)}
        self.the_admin = None

    @property
    def admin(self):
        self.the_admin = self.the_admin or made(AIOKafkaAdminClient, self.settings)
        return self.the_admin

    def producer(self, codec="none", idempotent=False):
        return AioProducer(
            self.settings
            | {
                "compression_type": None if codec == "none" else codec,
                "acks": "all",
                "enable_idempotence": idempotent,
                "linger_ms": 5,
            }
        )

    def consumer(self, group=None):
        return AioConsumer(
            self.settings
            | {
                "group_id": group,
                "enable_auto_commit": False,
                "auto_offset_reset": "earliest",
                "session_timeout_ms": 6000,
                "heartbeat_interval_ms": 500,
            }
        )

    def create_topic(self, name, partitions, configs=None):
        answer = wait(
            self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs or {})])
        )
        for _name, code, _message in answer.topic_errors:
            if code:
                raise for_code(code)

    def create_again_is_refused(self, name):
        try:
            self.create_topic(name, 1)
        except TopicAlreadyExistsError:
            return True
        return False

    def create_partitions(self, name, count):
        wait(self.admin.create_partitions({name: NewPartitions(count)}))

    def delete_topic(self, name):
        wait(self.admin.delete_topics([name]))

    def topics(self):
        return wait(self.admin.list_topics())

    def partition_count(self, name):
        (topic,) = wait(self.admin.describe_topics([name]))
        return len(topic["partitions"])

    def topic_config(self, name):
        (answer,) = wait(self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)]))
        ((_code, _message, _type, _name, entries),) = answer.resources
        return {entry[0]: entry[1] for entry in entries}

    def cluster(self):
        cluster = wait(self.admin.describe_cluster())
        return [broker["node_id"] for broker in cluster["brokers"]], cluster["controller_id"]

    def groups(self):
        return [group[0] for group in wait(self.admin.list_consumer_groups())]

    def group_state(self, name):
        (answer,) = wait(self.admin.describe_consumer_groups([name]))
        ((code, _name, state, *_rest),) = answer.groups
        equal(code, 0, "describing the group")
        return state

    def group_offsets(self, name):
        answer = wait(self.admin.list_consumer_group_offsets(name))
        return {(place.topic, place.partition): entry.offset for place, entry in answer.items()}

    def denied(self):
        """This client only logs why it can't connect."""
        said = Log("aiokafka")
        said.of(lambda: made(AIOKafkaProducer, self.settings))
        true(
            said.has_one_of("AuthenticationFailed", "Authentication failed"),
            f"an authentication error: {said.lines}",
        )


options = kafka_checks.arguments()
kafka_checks.finish(scenarios(AioClient(options)), options)
