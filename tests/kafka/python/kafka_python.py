"""kafka-python as it comes from PyPI; one program for the versions 2.0, 2.3 and 3.0. Usage: see
kafka_checks.py."""

import threading

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import (
    CommitFailedError,
    KafkaConnectionError,
    RebalanceInProgressError,
    TopicAlreadyExistsError,
)
from kafka.structs import OffsetAndMetadata

import kafka_checks
from kafka_checks import Log, Record, equal, until
from scenarios import scenarios

VERSION = tuple(int(part) for part in kafka.__version__.split(".")[:2])


def behind(record):
    """A position to commit; newer versions also want to know the leader's epoch."""
    fields = (record.offset + 1, "") if len(OffsetAndMetadata._fields) == 2 else (record.offset + 1, "", -1)
    return OffsetAndMetadata(*fields)


class PythonProducer:
    def __init__(self, settings):
        self.producer, self.sent = KafkaProducer(**settings), []

    def send(self, topic, record):
        future = self.producer.send(
            topic, record.value, record.key, list(record.headers), record.partition, record.timestamp_ms
        )
        self.sent.append(future)

    def close(self):
        self.producer.flush(20)
        for future in self.sent:
            future.get(1)
        self.producer.close(5)


class PythonConsumer:
    def __init__(self, settings):
        self.consumer = KafkaConsumer(**settings)

    def subscribe(self, topic):
        self.consumer.subscribe([topic])
        # Version 3.0 at times forgets to ask for a topic to which it subscribes right after its start.
        until("the consumer knows the topic", lambda: self.consumer.partitions_for_topic(topic))

    def assign(self, topic, partitions):
        self.consumer.assign([TopicPartition(topic, partition) for partition in partitions])

    def assignment(self):
        return [entry.partition for entry in self.consumer.assignment()]

    def poll(self, seconds):
        batches = self.consumer.poll(timeout_ms=int(seconds * 1000))
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
        return self.consumer.beginning_offsets([place])[place], self.consumer.end_offsets([place])[place]

    def offset_for_time(self, topic, partition, timestamp_ms):
        place = TopicPartition(topic, partition)
        answer = self.consumer.offsets_for_times({place: timestamp_ms})[place]
        return answer and answer.offset

    def commit_behind(self, topic, record):
        self.consumer.commit({TopicPartition(topic, record.partition): behind(record)})

    def committed(self, topic, partition):
        return self.consumer.committed(TopicPartition(topic, partition))

    def close(self):
        self.consumer.close(autocommit=False)


class PythonClient:
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    can_be_idempotent = VERSION >= (2, 1)
    null_headers = False
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
            self.settings |= {"ssl_cafile": options.ca}
        self.the_admin = None

    @property
    def admin(self):
        while self.the_admin is None:
            admin = KafkaAdminClient(**self.settings)
            try:
                admin.describe_cluster()
                self.the_admin = admin
            except (
                KafkaConnectionError
            ):  # with TLS, version 2.3 often gives up its second connection, for good
                admin.close()
        return self.the_admin

    def producer(self, codec="none", idempotent=False):
        more = {"enable_idempotence": idempotent} if self.can_be_idempotent else {}
        return PythonProducer(
            self.settings
            | more
            | {
                "compression_type": None if codec == "none" else codec,
                "acks": "all",
                "retries": 5,
                "linger_ms": 5,
                "max_in_flight_requests_per_connection": 1,
            }
        )

    def consumer(self, group=None):
        return PythonConsumer(
            self.settings
            | {
                "group_id": group,
                "enable_auto_commit": False,
                "auto_offset_reset": "earliest",
                "max_poll_records": 20,
                "session_timeout_ms": 6000,
                "heartbeat_interval_ms": 500,
            }
        )

    def create_topic(self, name, partitions, configs=None):
        self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs or {})])

    def create_again_is_refused(self, name):
        try:
            self.create_topic(name, 1)
        except TopicAlreadyExistsError:
            return True
        return False

    def create_partitions(self, name, count):
        self.admin.create_partitions({name: NewPartitions(count)})

    def delete_topic(self, name):
        self.admin.delete_topics([name])

    def topics(self):
        return self.admin.list_topics()

    def partition_count(self, name):
        (topic,) = self.admin.describe_topics([name])
        return len(topic["partitions"])

    def topic_config(self, name):
        answer = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        if VERSION >= (3, 0):
            ((configs,),) = [resources.values() for resources in answer.values()]
            return {key: entry["value"] for key, entry in configs.items()}
        ((_code, _message, _type, _name, entries),) = answer[0].resources
        return {entry[0]: entry[1] for entry in entries}

    def cluster(self):
        cluster = self.admin.describe_cluster()
        brokers = [broker.get("node_id", broker.get("broker_id")) for broker in cluster["brokers"]]
        return brokers, cluster["controller_id"]

    def groups(self):
        if VERSION >= (3, 0):
            return [group["group_id"] for group in self.admin.list_groups()]
        return [group[0] for group in self.admin.list_consumer_groups()]

    def group_state(self, name):
        if VERSION >= (3, 0):
            return self.admin.describe_groups([name])[name]["group_state"]
        (group,) = self.admin.describe_consumer_groups([name])
        return group.state

    def group_offsets(self, name):
        if VERSION >= (3, 0):
            answer = self.admin.list_group_offsets([name])[name]
        else:
            answer = self.admin.list_consumer_group_offsets(name)
        return {(place.topic, place.partition): entry.offset for place, entry in answer.items()}

    def delete_group(self, name):
        if VERSION >= (3, 0):
            self.admin.delete_groups([name])
        else:
            ((_name, error),) = self.admin.delete_consumer_groups([name])
            equal(error.errno, 0, "deleting the group")

    def denied(self):
        """This client only logs why it can't connect. Version 2.0 knows no more than that it was hung up
        on: it authenticates with bare tokens, for which the protocol has no error. Version 3.0 loses the
        error when the connection's end comes right behind it."""
        said = Log("kafka")
        often = self.settings | {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 200}
        threading.Thread(target=said.of, args=(lambda: KafkaProducer(**often),), daemon=True).start()
        words = {
            2: ["SaslAuthenticationFailedError"],
            3: ["SaslAuthenticationFailedError", "socket disconnected"],
        }
        words = words[VERSION[0]] if VERSION >= (2, 1) else ["NoBrokersAvailable"]
        until(f"the client says one of {words}", lambda: said.has_one_of(*words))


options = kafka_checks.arguments()
kafka_checks.finish(scenarios(PythonClient(options)), options)
