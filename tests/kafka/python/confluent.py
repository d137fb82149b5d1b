"""confluent-kafka (librdkafka) as it comes from PyPI. Usage: see kafka_checks.py."""

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import kafka_checks
from kafka_checks import Record, equal, true, until
from scenarios import scenarios

TOO_LATE = (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID)


class TooLate(Exception):
    """A commit while the group's partitions are being shared anew."""


class ConfluentProducer:
    def __init__(self, settings):
        self.producer, self.failures = Producer(settings), []

    def delivered(self, error, _message):
        if error:
            self.failures.append(error)

    def send(self, topic, record):
        optional = {"partition": record.partition, "timestamp": record.timestamp_ms}
        optional = {name: value for name, value in optional.items() if value is not None}
        self.producer.produce(
            topic,
            record.value,
            record.key,
            headers=list(record.headers),
            on_delivery=self.delivered,
            **optional
        )
        self.producer.poll(0)

    def close(self):
        equal(self.producer.flush(20), 0, "records not delivered in time")
        equal(self.failures, [], "failed deliveries")


class ConfluentConsumer:
    def __init__(self, settings):
        self.consumer = Consumer(settings)

    def subscribe(self, topic):
        self.consumer.subscribe([topic])

    def assign(self, topic, partitions):
        self.consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])

    def assignment(self):
        return [entry.partition for entry in self.consumer.assignment()]

    def poll(self, seconds):
        records = []
        for message in self.consumer.consume(20, seconds):
            if message.error():
                raise KafkaException(message.error())
            records.append(
                Record(
                    message.partition(),
                    message.value(),
                    message.key(),
                    message.timestamp()[1],
                    tuple(message.headers() or ()),
                    message.offset(),
                )
            )
        return records

    def seek(self, topic, partition, offset):
        self.consumer.seek(TopicPartition(topic, partition, offset))

    def first_and_end(self, topic, partition):
        return self.consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)

    def offset_for_time(self, topic, partition, timestamp_ms):
        (answer,) = self.consumer.offsets_for_times(
            [TopicPartition(topic, partition, timestamp_ms)], timeout=10
        )
        return answer.offset if answer.offset >= 0 else None

    def commit_behind(self, topic, record):
        position = TopicPartition(topic, record.partition, record.offset + 1)
        try:
            answers = self.consumer.commit(offsets=[position], asynchronous=False)
        except KafkaException as failure:
            if failure.args[0].code() in TOO_LATE:
                raise TooLate from failure
            raise
        equal([answer.error for answer in answers], [None], "commit")

    def committed(self, topic, partition):
        (answer,) = self.consumer.committed([TopicPartition(topic, partition)], timeout=10)
        return answer.offset if answer.offset >= 0 else None

    def close(self):
        self.consumer.close()


class ConfluentClient:
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    can_be_idempotent = True
    null_headers = True
    too_late = TooLate

    def __init__(self, options):
        self.settings = {"bootstrap.servers": options.bootstrap, "security.protocol": options.protocol}
        if options.sasl:
            self.settings |= {
                "sasl.mechanism": options.sasl,
                "sasl.username": options.user,
                "sasl.password": options.password,
            }
        if options.ca:
            self.settings |= {"ssl.ca.location": options.ca}
        self.admin = AdminClient(self.settings)

    def producer(self, codec="none", idempotent=False):
        return ConfluentProducer(
            self.settings
            | {"compression.type": codec, "enable.idempotence": idempotent, "acks": "all", "linger.ms": 5}
        )

    def consumer(self, group=None):
        return ConfluentConsumer(
            self.settings
            | {
                "group.id": group or kafka_checks.unique("reader"),
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 500,
            }
        )

    def create_topic(self, name, partitions, configs=None):
        (answer,) = self.admin.create_topics([NewTopic(name, partitions, 1, config=configs or {})]).values()
        answer.result(10)

    def create_again_is_refused(self, name):
        try:
            self.create_topic(name, 1)
        except KafkaException as failure:
            return failure.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
        return False

    def create_partitions(self, name, count):
        self.admin.create_partitions([NewPartitions(name, count)])[name].result(10)

    def delete_topic(self, name):
        self.admin.delete_topics([name])[name].result(10)

    def topics(self):
        return self.admin.list_topics(timeout=10).topics

    def partition_count(self, name):
        description = self.admin.describe_topics(TopicCollection([name]))[name].result(10)
        true(
            all(partition.leader is not None for partition in description.partitions),
            "each partition has a leader",
        )
        return len(description.partitions)

    def topic_config(self, name):
        (answer,) = self.admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
        return {key: entry.value for key, entry in answer.result(10).items()}

    def cluster(self):
        cluster = self.admin.describe_cluster().result(10)
        return [node.id for node in cluster.nodes], cluster.controller.id

    def groups(self):
        return [group.group_id for group in self.admin.list_consumer_groups().result(10).valid]

    def group_state(self, name):
        return self.admin.describe_consumer_groups([name])[name].result(10).state.name.capitalize()

    def group_offsets(self, name):
        answer = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])[name].result(
            10
        )
        return {(entry.topic, entry.partition): entry.offset for entry in answer.topic_partitions}

    def delete_group(self, name):
        self.admin.delete_consumer_groups([name])[name].result(10)

    def denied(self):
        errors = []
        producer = Producer(self.settings | {"error_cb": errors.append})
        until(
            "an authentication error",
            lambda: producer.poll(0.1)
            or any(error.code() == KafkaError._AUTHENTICATION for error in errors),
            15,
        )


options = kafka_checks.arguments()
kafka_checks.finish(scenarios(ConfluentClient(options)), options)
