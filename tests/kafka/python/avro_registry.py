"""confluent-kafka with its schema registry client and its Avro serializers, as they come from PyPI. Usage:
see kafka_checks.py; the first argument of each scenario is the registry's address."""

import json

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

import kafka_checks
from kafka_checks import equal, true, unique

options = kafka_checks.arguments()


def record(name, **fields):
    fields = [{"name": field, "type": kind} for field, kind in fields.items()]
    return json.dumps({"type": "record", "name": name, "fields": fields})


def connect(registry):
    return SchemaRegistryClient({"url": f"http://{registry}"})


def refused(code, call):
    try:
        call()
    except SchemaRegistryError as error:
        equal(error.error_code, code, "the refusal's number")
    else:
        raise AssertionError(f"{code} was expected")


def registry(address):
    """A subject's life: versions, what is compatible, deletion."""
    client, subject = connect(address), unique("life")
    first = Schema(record("Life", a="int"), "AVRO")
    number = client.register_schema(subject, first)
    equal(client.register_schema(subject, first), number, "the same schema again")
    equal(json.loads(client.get_schema(number).schema_str), json.loads(first.schema_str), "by its number")
    wider = json.loads(record("Life", a="int"))
    wider["fields"].append({"name": "b", "type": ["null", "string"], "default": None})
    wider = Schema(json.dumps(wider), "AVRO")
    true(client.test_compatibility(subject, wider), "a field with a default may be added")
    other = Schema(record("Life", a="int", c="string"), "AVRO")
    true(not client.test_compatibility(subject, other), "one without a default may not")
    refused(409, lambda: client.register_schema(subject, other))
    equal(client.register_schema(subject, wider), number + 1, "the next number")
    equal(client.get_versions(subject), [1, 2], "versions")
    equal(client.get_latest_version(subject).schema_id, number + 1, "the latest version")
    equal(client.lookup_schema(subject, first).version, 1, "a schema's version")
    client.set_compatibility(subject, "NONE")
    equal(client.get_compatibility(subject), "NONE", "what is asked of the subject")
    equal(client.register_schema(subject, other), number + 2, "anything goes now")
    true(subject in client.get_subjects(), "the subject is listed")
    equal(client.delete_version(subject, 3), 3, "the version that is deleted")
    refused(40402, lambda: client.get_version(subject, 3))
    equal(client.delete_subject(subject), [1, 2], "the versions that are deleted")
    refused(40401, lambda: client.get_versions(subject))
    refused(40403, lambda: client.get_schema(1_000_000))


def produce(address, topic, *lines):
    """Sends records whose fields are written as numbers with commas between."""
    names = ["station_id", "card_id", "amount"]
    schema = record("Recharge", note="string", **{name: "int" for name in names})
    serializer = AvroSerializer(connect(address), schema)
    context = SerializationContext(topic, MessageField.VALUE)
    producer, failures = Producer({"bootstrap.servers": options.bootstrap}), []
    for line in lines:
        fields = dict(zip(names, map(int, line.split(","))), note="none of the procedure's")
        value = serializer(fields, context)
        producer.produce(topic, value, on_delivery=lambda error, _: error and failures.append(error))
    equal(producer.flush(60), 0, "records not delivered in time")
    equal(failures, [], "failed deliveries")


def strangers(_address, topic, *values):
    """Sends bytes as they are, in hexadecimal."""
    producer = Producer({"bootstrap.servers": options.bootstrap})
    for value in values:
        producer.produce(topic, bytes.fromhex(value))
    equal(producer.flush(60), 0, "records not delivered in time")


def read(address, topic, count):
    """Prints records as JSON, a line each."""
    deserializer = AvroDeserializer(connect(address))
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            "group.id": unique("avro"),
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    seen = 0
    while seen < int(count):
        for message in consumer.consume(100, 5.0):
            true(message.error() is None, f"a record and no {message.error()}")
            context = SerializationContext(topic, MessageField.VALUE)
            print(json.dumps(deserializer(message.value(), context), default=str))
            seen += 1
    consumer.close()


kafka_checks.finish({call.__name__: call for call in (registry, produce, strangers, read)}, options)
