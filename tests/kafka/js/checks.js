// The command line, comparison, waiting, and the records that are sent.
"use strict";

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const { parseArgs } = require("node:util");

/** BOOTSTRAP SCENARIO [ARGUMENT…] [--sasl MECHANISM --user NAME --password WORD] [--ca FILE] */
function commandLine() {
  const options = {};
  for (const name of ["sasl", "user", "password", "ca", "deadline"]) options[name] = { type: "string" };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [bootstrap, scenario, ...rest] = positionals;
  const settings = { brokers: [bootstrap], connectionTimeout: 5000, retry: { initialRetryTime: 50,
      retries: 8 } };
  if (values.sasl) {
    settings.sasl = { mechanism: values.sasl.toLowerCase(), username: values.user,
        password: values.password };
  }
  if (values.ca) settings.ssl = { ca: [fs.readFileSync(values.ca)] };
  return { scenario, rest, settings, deadlineSeconds: Number(values.deadline ?? 300) };
}

const unique = (name) => `${name}-${crypto.randomBytes(6).toString("hex")}`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for what the server or a consumer brings about. */
async function until(what, condition, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    assert(Date.now() < deadline, `not within ${seconds} s: ${what}`);
    await sleep(20);
  }
}

/** Null keys, null values, empty ones, values that compress well, repeated headers, explicit timestamps. */
function recordsFor(codec) {
  const firstMs = Date.now() - 3_600_000;
  return Array.from({ length: 200 }, (_, number) => ({
    partition: number % 4,
    key: number % 5 === 0 ? null : `key ${number % 10}`,
    value: number === 7 ? null : number === 8 ? "" : `${codec} ${number} ${"Park Street ".repeat(20)}`,
    timestamp: String(firstMs + number),
    headers: number % 2 === 0 ? {} : { codec, again: ["1", "2"], empty: "" },
  }));
}

const text = (buffer) => (buffer === null || buffer === undefined ? null : buffer.toString());

/** A message that came, in the form in which records are sent. */
function plain({ partition, message }) {
  const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map(text) : text(value),
  ]);
  return {
    partition,
    key: text(message.key),
    value: text(message.value),
    timestamp: message.timestamp,
    headers: Object.fromEntries(headers),
  };
}

/**
 * Compares everything: per partition the records sent to it, in that order, with offsets that have no
 * gap.
 */
function sameRecords(received, sent) {
  for (let partition = 0; partition < 4; partition++) {
    const found = received.filter((entry) => entry.partition === partition);
    const wanted = sent.filter((record) => record.partition === partition);
    assert.equal(found.length, wanted.length, `records in partition ${partition}`);
    found.forEach((entry, position) => {
      assert.equal(entry.message.offset, String(position), `offset in partition ${partition}`);
      assert.deepEqual(plain(entry), wanted[position], `partition ${partition}, record ${position}`);
    });
  }
}

/** Text as a string; bytes that aren't UTF-8 as an object with their base64. */
function readable(buffer) {
  if (buffer === null || buffer === undefined) return null;
  const found = buffer.toString();
  return Buffer.from(found).equals(buffer) ? found : { base64: buffer.toString("base64") };
}

/** A message as a line of JSON. */
function shown({ partition, message }) {
  const headers = Object.entries(message.headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, readable(value)]),
  );
  return JSON.stringify({
    partition,
    offset: Number(message.offset),
    key: readable(message.key),
    value: readable(message.value),
    timestamp: Number(message.timestamp),
    headers,
  });
}

module.exports = { commandLine, unique, sleep, until, recordsFor, sameRecords, shown };
