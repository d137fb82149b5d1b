// KafkaJS as it comes from npm. It brings only gzip, so that and no compression are tried.
"use strict";

const assert = require("node:assert/strict");
const { CompressionTypes, ConfigResourceTypes, Kafka, Partitioners, logLevel } = require("kafkajs");
const { commandLine, unique, sleep, until, recordsFor, sameRecords, shown } = require("./checks.js");

const options = commandLine();
const kafka = new Kafka({ ...options.settings, logLevel: logLevel.NOTHING });
const admin = kafka.admin();

async function createTopic(topic, numPartitions, configEntries = []) {
  return admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }] });
}

async function sendAll(topic, messages, { compression = CompressionTypes.None, idempotent = false } = {}) {
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  for (let from = 0; from < messages.length; from += 50) {
    await producer.send({ topic, acks: -1, compression, messages: messages.slice(from, from + 50) });
  }
  await producer.disconnect();
}

/** A consumer of a group that collects what it gets, and knows which partitions it has. */
class Member {
  constructor(groupId, topic, { autoCommit = true } = {}) {
    Object.assign(this, { topic, autoCommit, received: [], partitions: [], failure: null });
    this.consumer = kafka.consumer({
      groupId,
      sessionTimeout: 6000,
      heartbeatInterval: 500,
      maxWaitTimeInMs: 200,
    });
    this.consumer.on(this.consumer.events.GROUP_JOIN, ({ payload }) => {
      this.partitions = payload.memberAssignment[topic] ?? [];
    });
    this.consumer.on(this.consumer.events.CRASH, ({ payload }) => {
      this.failure = payload.error;
    });
  }

  async start(eachMessage = async (entry) => void this.received.push(entry)) {
    await this.consumer.connect();
    await this.consumer.subscribe({ topic: this.topic, fromBeginning: true });
    await this.consumer.run({ autoCommit: this.autoCommit, eachMessage });
    return this;
  }

  values() {
    if (this.failure) throw this.failure;
    return this.received.map(({ message }) => String(message.value));
  }

  async end() {
    await this.consumer.disconnect();
  }
}

async function readAll(topic, count) {
  const reader = await new Member(unique("reader"), topic).start();
  await until(`${count} records come`, () => reader.values().length >= count);
  await sleep(200); // nothing else may come
  await reader.end();
  return reader.received;
}

function keyed(word, count) {
  return Array.from({ length: count }, (_, number) => ({ key: `key ${number}`, value: `${word} ${number}` }));
}

const valuesOf = (messages) => messages.map(({ value }) => value).sort();

async function compressions() {
  const topic = unique("compressions");
  await createTopic(topic, 4);
  const sent = [];
  for (const [codec, compression] of [["none", CompressionTypes.None], ["gzip", CompressionTypes.GZIP]]) {
    const records = recordsFor(codec);
    await sendAll(topic, records, { compression });
    sent.push(...records);
  }
  sameRecords(await readAll(topic, sent.length), sent);
  await admin.deleteTopics({ topics: [topic] });
}

async function idempotent() {
  const topic = unique("idempotent");
  await createTopic(topic, 4);
  const sent = Array.from({ length: 2000 }, (_, number) => (
    { partition: number % 4, key: null, value: String(number), timestamp: String(Date.now()), headers: {} }));
  await sendAll(topic, sent, { idempotent: true });
  sameRecords(await readAll(topic, sent.length), sent);
  await admin.deleteTopics({ topics: [topic] });
}

async function group() {
  const topic = unique("group");
  const name = unique("group");
  await createTopic(topic, 4);
  const [stays, leaves] = await Promise.all([new Member(name, topic).start(), new Member(name,
      topic).start()]);
  await until("two consumers share four partitions", () =>
    stays.partitions.length === 2 && new Set([...stays.partitions, ...leaves.partitions]).size === 4);
  const first = keyed("first", 200);
  await sendAll(topic, first);
  const both = () => [...stays.values(), ...leaves.values()];
  await until("both get everything", () => new Set(both()).size >= 200);
  assert.deepEqual(both().sort(), valuesOf(first), "first records, once each");

  const second = keyed("second", 200);
  await sendAll(topic, second);
  await leaves.end();
  await until("the one that stays takes over",
      () => new Set(both()).size >= 400 && stays.partitions.length === 4);
  assert.deepEqual([...new Set(both())].sort(), valuesOf([...first, ...second]), "at least once");
  await until("everything is committed", async () => {
    const [{ partitions }] = await admin.fetchOffsets({ groupId: name, topics: [topic] });
    return partitions.reduce((sum, { offset }) => sum + Number(offset), 0) === 400;
  });
  await stays.end();

  const third = keyed("third", 50);
  await sendAll(topic, third);
  const later = await new Member(name, topic).start();
  await until("the group goes on behind what it committed", () => later.values().length >= 50);
  await later.end();
  assert.deepEqual(later.values().sort(), valuesOf(third), "third records, and none before them");
  await admin.deleteTopics({ topics: [topic] });
}

async function seek() {
  const topic = unique("seek");
  const name = unique("seek");
  await createTopic(topic, 1);
  const firstMs = Date.now() - 3_600_000;
  await sendAll(topic, Array.from({ length: 100 }, (_, number) => (
    { partition: 0, value: String(number), timestamp: String(firstMs + number * 1000) })));
  const [ends] = await admin.fetchTopicOffsets(topic);
  assert.deepEqual([ends.low, ends.high], ["0", "100"], "beginning and end");
  const atTime = async (ms) => (await admin.fetchTopicOffsetsByTimestamp(topic, ms))[0].offset;
  assert.equal(await atTime(firstMs + 40_500), "41", "the offset for a time between two records");
  assert.equal(await atTime(firstMs + 40_000), "40", "the offset for a record's very time");
  assert.equal(await atTime(firstMs + 100_000), "100",
      "for a time after all records this client takes the end");

  const committed = async () => (await admin.fetchOffsets({ groupId: name,
      topics: [topic] }))[0].partitions[0];
  assert.equal((await committed()).offset, "-1", "committed before any commit");
  const reader = await new Member(name, topic, { autoCommit: false }).start();
  for (const offset of ["70", "3"]) {
    reader.received.length = 0;
    reader.consumer.seek({ topic, partition: 0, offset });
    await until(`the record at ${offset}`,
        () => reader.received.some(({ message }) => message.offset === offset));
  }
  reader.consumer.seek({ topic, partition: 0, offset: "100" });
  await sleep(300);
  reader.received.length = 0;
  await sendAll(topic, [{ partition: 0, value: "one more" }]);
  await until("what comes after seeking to the end", () => reader.values().length > 0);
  assert.deepEqual(reader.received.map(({ message }) => message.offset), ["100"], "its offset");
  await reader.consumer.commitOffsets([{ topic, partition: 0, offset: "42", metadata: "half" }]);
  await reader.end();
  assert.deepEqual(await committed(), { partition: 0, offset: "42", metadata: "half" }, "committed");
  await admin.deleteTopics({ topics: [topic] });
}

async function administration() {
  const topic = unique("admin");
  const name = unique("admin");
  assert.equal(await createTopic(topic, 3, [{ name: "retention.ms", value: "3600000" }]), true, "it is new");
  await until("the topic is listed", async () => (await admin.listTopics()).includes(topic));
  assert.equal(await createTopic(topic, 3), false, "creating it again is refused");
  const partitions = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions;
  assert.equal((await partitions()).length, 3, "partitions");
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
  await until("there are two more partitions", async () => (await partitions()).length === 5);
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
  });
  const entry = resources[0].configEntries.find(({ configName }) => configName === "retention.ms");
  assert.equal(entry.configValue, "3600000", "retention.ms");
  const { brokers, controller } = await admin.describeCluster();
  assert(brokers.some(({ nodeId }) => nodeId === controller), "the controller is a broker");

  await sendAll(topic, [{ partition: 0, value: "value" }]);
  const member = await new Member(name, topic).start();
  await until("the consumer gets the record", () => member.values().length === 1);
  const listed = async () => (await admin.listGroups()).groups.some(({ groupId }) => groupId === name);
  const state = async () => (await admin.describeGroups([name])).groups[0].state;
  assert(await listed(), "the group is listed");
  assert.equal(await state(), "Stable", "the group's state");
  await member.end();
  await until("the group is empty", async () => (await state()) === "Empty");
  const [offsets] = await admin.fetchOffsets({ groupId: name, topics: [topic] });
  assert.equal(offsets.partitions.find(({ partition }) => partition === 0).offset, "1", "the group's offset");
  await admin.deleteGroups([name]);
  await until("the group is gone", async () => !(await listed()));
  await admin.deleteTopics({ topics: [topic] });
  await until("the topic is gone", async () => !(await admin.listTopics()).includes(topic));
}

/** Lines `card,amount,station` go to RECHARGE, lines `train,station,state,time` to TRAINTOPIC. */
async function recharge(...lines) {
  for (const line of lines) {
    await sendAll(line.split(",").length === 3 ? "RECHARGE" : "TRAINTOPIC", [{ key: null, value: line }]);
  }
}

/** Prints exactly that many records and commits behind them. */
async function read(topic, count, groupId) {
  const behind = new Map();
  let left = Number(count);
  const reader = await new Member(groupId, topic, { autoCommit: false }).start(async (entry) => {
    if (left === 0) return;
    console.log(shown(entry));
    behind.set(entry.partition, String(Number(entry.message.offset) + 1));
    left -= 1;
  });
  await until(`${count} records`, () => reader.values() && left === 0, options.deadlineSeconds);
  await reader.consumer.commitOffsets([...behind].map(([partition, offset]) => ({ topic, partition,
      offset })));
  await reader.end();
}

async function denied() {
  const failure = await kafka.producer().connect().then(() => null, (error) => error);
  assert(failure, "a wrong password is refused");
  assert.equal(failure.name, "KafkaJSSASLAuthenticationError", String(failure));
}

const scenarios = { compressions, group, seek, admin: administration, idempotent, recharge, read, denied };

async function main() {
  if (options.scenario !== "denied") await admin.connect();
  for (const name of options.scenario.split(",")) {
    assert(scenarios[name], `no scenario ${name}`);
    const began = Date.now();
    await scenarios[name](...options.rest);
    console.log(`${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  console.log("done");
}

setTimeout(() => {
  console.log(`FAILED: not done after ${options.deadlineSeconds} s`);
  process.exit(1);
}, options.deadlineSeconds * 1000);
main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    console.log(`FAILED: ${options.scenario}`);
    process.exit(1);
  },
);
