import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Apache Kafka's own Java client as it comes from Maven Central; one source for every version from 2.3 on.
 * Calls that
 * some version lacks are made by name.
 */
@SuppressWarnings({"deprecation", "removal"})
public final class KafkaCaller {
    private final Options options;
    private final AdminClient admin;

    private KafkaCaller(Options options) throws Exception {
        this.options = options;
        admin = AdminClient.create(options.settings());
    }

    /** Several scenarios may be named, separated by commas. */
    public static void main(String[] words) {
        Options options = new Options(words);
        Thread watch = new Thread(() -> {
            try {
                Thread.sleep(options.deadlineSeconds() * 1000L);
            } catch (InterruptedException never) {
                return;
            }
            System.out.println("FAILED: not done after " + options.deadlineSeconds() + " s");
            Runtime.getRuntime().halt(1);
        });
        watch.setDaemon(true);
        watch.start();
        try {
            KafkaCaller caller = new KafkaCaller(options);
            for (String scenario : options.scenario.split(",")) {
                long began = System.nanoTime();
                caller.run(scenario);
                System.out.printf("%s: %.1f s%n", scenario, (System.nanoTime() - began) / 1e9);
            }
        } catch (Throwable failure) {
            failure.printStackTrace();
            System.out.println("FAILED: " + options.scenario);
            Runtime.getRuntime().halt(1);
        }
        System.out.println("done");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private void run(String scenario) throws Exception {
        switch (scenario) {
            case "compressions" -> compressions();
            case "group" -> group();
            case "seek" -> seek();
            case "admin" -> admin();
            case "idempotent" -> idempotent();
            case "recharge" -> recharge();
            case "read" -> read();
            case "denied" -> denied();
            default -> throw new AssertionError("no scenario " + scenario);
        }
    }

    private KafkaProducer<byte[], byte[]> producer(String... more) throws Exception {
        Properties settings = options.settings(more);
        settings.put("acks", "all");
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private KafkaConsumer<byte[], byte[]> consumer(String group) throws Exception {
        Properties settings = options.settings("group.id", group, "enable.auto.commit", "false",
                "auto.offset.reset",
                "earliest", "session.timeout.ms", "6000", "heartbeat.interval.ms", "500",
                        "max.poll.records", "20");
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private void createTopic(String name, int partitions, Map<String, String> configs) throws Exception {
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all().get();
    }

    private void sendAll(List<ProducerRecord<byte[], byte[]>> records, String... settings) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(settings)) {
            List<Future<?>> sent = new ArrayList<>();
            for (ProducerRecord<byte[], byte[]> record : records) {
                sent.add(producer.send(record));
            }
            for (Future<?> answer : sent) {
                answer.get();
            }
        }
    }

    /** Everything in a topic of four partitions, and a moment more in which nothing else may come. */
    private List<ConsumerRecord<byte[], byte[]>> readAll(String topic, int count) throws Exception {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Checks.unique("reader"))) {
            consumer.assign(IntStream.range(0, 4).mapToObj(p -> new TopicPartition(topic, p)).collect(
                    Collectors.toList()));
            Checks.until(count + " records come", () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(records::add);
                return records.size() >= count;
            });
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }

    private void compressions() throws Exception {
        String topic = Checks.unique("compressions");
        createTopic(topic, 4, Map.of());
        List<ProducerRecord<byte[], byte[]>> sent = new ArrayList<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            List<ProducerRecord<byte[], byte[]>> records = Checks.recordsFor(topic, codec);
            sendAll(records, "compression.type", codec, "linger.ms", "5");
            sent.addAll(records);
        }
        Checks.sameRecords(readAll(topic, sent.size()), sent);
        admin.deleteTopics(List.of(topic)).all().get();
    }

    private void idempotent() throws Exception {
        String topic = Checks.unique("idempotent");
        createTopic(topic, 4, Map.of());
        List<ProducerRecord<byte[], byte[]>> sent = new ArrayList<>();
        for (int round = 0; round < 3; round++) {
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int number = 0; number < 1000; number++) {
                records.add(new ProducerRecord<>(topic, number % 4, System.currentTimeMillis(), null,
                        Checks.bytes(round + " " + number)));
            }
            sendAll(records, "enable.idempotence", "true");
            sent.addAll(records);
        }
        Checks.sameRecords(readAll(topic, sent.size()), sent);
        admin.deleteTopics(List.of(topic)).all().get();
    }

    private List<String> sendKeyed(String topic, String word, int count) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        List<String> values = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            values.add(word + " " + number);
            records.add(new ProducerRecord<>(topic, Checks.bytes("key " + number),
                    Checks.bytes(values.get(number))));
        }
        sendAll(records);
        return values;
    }

    private Member member(String group, String topic) throws Exception {
        Member member = new Member(consumer(group), topic);
        member.start();
        return member;
    }

    private void group() throws Exception {
        String topic = Checks.unique("group");
        String name = Checks.unique("group");
        createTopic(topic, 4, Map.of());
        Member stays = member(name, topic);
        Member leaves = member(name, topic);
        List<String> first = new ArrayList<>();
        Checks.until("two consumers share four partitions", () -> {
            first.addAll(stays.take());
            first.addAll(leaves.take());
            Set<Integer> both = new HashSet<>(stays.partitions);
            both.addAll(leaves.partitions);
            return stays.partitions.size() == 2 && leaves.partitions.size() == 2 && both.size() == 4;
        });
        List<String> sentFirst = sendKeyed(topic, "first", 200);
        Checks.until("both get everything", () -> {
            first.addAll(stays.take());
            first.addAll(leaves.take());
            return new HashSet<>(first).size() == 200;
        });
        Checks.equal(Checks.sorted(first), Checks.sorted(sentFirst), "first records, once each");

        Set<String> sentSecond = new HashSet<>(sendKeyed(topic, "second", 200));
        Set<String> second = new HashSet<>(leaves.end());
        Checks.until("the one that stays takes over", () -> {
            second.addAll(stays.take());
            return second.size() >= 200 && stays.partitions.size() == 4;
        });
        Checks.equal(second, sentSecond, "second records, at least once");
        Checks.until("everything is committed", () -> 400 == IntStream.range(0,
                4).mapToLong(partition -> Math.max(
                stays.committed.getOrDefault(partition, 0L), leaves.committed.getOrDefault(partition,
                        0L))).sum());
        stays.end();

        List<String> sentThird = sendKeyed(topic, "third", 50);
        List<String> third = new ArrayList<>();
        Member later = member(name, topic);
        Checks.until("the group goes on behind what it committed", () -> {
            third.addAll(later.take());
            return third.size() >= 50;
        });
        later.end();
        Checks.equal(Checks.sorted(third), Checks.sorted(sentThird), "third records, and none before them");
        admin.deleteTopics(List.of(topic)).all().get();
    }

    private static ConsumerRecord<byte[], byte[]> next(KafkaConsumer<byte[],
            byte[]> consumer) throws Exception {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        Checks.until("a record", () -> {
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
            return !records.isEmpty();
        });
        return records.get(0);
    }

    private void seek() throws Exception {
        String topic = Checks.unique("seek");
        String name = Checks.unique("seek");
        createTopic(topic, 2, Map.of());
        TopicPartition full = new TopicPartition(topic, 0);
        TopicPartition empty = new TopicPartition(topic, 1);
        long firstMs = System.currentTimeMillis() - 3_600_000;
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int number = 0; number < 100; number++) {
            records.add(new ProducerRecord<>(topic, 0, firstMs + number * 1000, null,
                    Checks.bytes("" + number)));
        }
        sendAll(records);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(name)) {
            consumer.assign(List.of(full));
            Checks.equal(consumer.beginningOffsets(List.of(full, empty)), Map.of(full, 0L, empty, 0L),
                    "beginnings");
            Checks.equal(consumer.endOffsets(List.of(full, empty)), Map.of(full, 100L, empty, 0L), "ends");
            OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(full, firstMs + 40_500)).get(full);
            Checks.equal(found.offset(), 41L, "the offset for a time between two records");
            Checks.equal(found.timestamp(), firstMs + 41_000, "the time of the record there");
            found = consumer.offsetsForTimes(Map.of(full, firstMs + 40_000)).get(full);
            Checks.equal(found.offset(), 40L, "the offset for a record's very time");
            Checks.equal(consumer.offsetsForTimes(Map.of(full, firstMs + 100_000)).get(full), null,
                    "the offset for a time after all records");
            for (long offset : new long[] {70, 3}) {
                consumer.seek(full, offset);
                Checks.equal(next(consumer).offset(), offset, "after seek");
            }
            consumer.seekToBeginning(List.of(full));
            Checks.equal(next(consumer).offset(), 0L, "from the beginning");
            consumer.seekToEnd(List.of(full));
            Checks.equal(consumer.position(full), 100L, "the position at the end");
            sendAll(List.of(new ProducerRecord<>(topic, 0, null, Checks.bytes("one more"))));
            Checks.equal(next(consumer).offset(), 100L, "what comes after seeking to the end");
            Checks.equal(committed(consumer, full), null, "committed before any commit");
            consumer.commitSync(Map.of(full, new OffsetAndMetadata(42, "half")));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(name)) {
            Checks.equal(committed(consumer, full).offset(), 42L, "committed");
            Checks.equal(committed(consumer, full).metadata(), "half", "the metadata committed with it");
            Checks.equal(committed(consumer, empty), null, "committed where nothing was");
        }
        admin.deleteTopics(List.of(topic)).all().get();
    }

    private static OffsetAndMetadata committed(KafkaConsumer<byte[], byte[]> consumer, TopicPartition place)
            throws Exception {
        try {
            Method ofSeveral = KafkaConsumer.class.getMethod("committed", Set.class);
            return (OffsetAndMetadata) ((Map<?, ?>) ofSeveral.invoke(consumer, Set.of(place))).get(place);
        } catch (NoSuchMethodException before24) {
            Method ofOne = KafkaConsumer.class.getMethod("committed", TopicPartition.class);
            return (OffsetAndMetadata) ofOne.invoke(consumer, place);
        }
    }

    private TopicDescription describe(String topic) throws Exception {
        Object result = admin.describeTopics(List.of(topic));
        Method all;
        try {
            all = result.getClass().getMethod("allTopicNames");
        } catch (NoSuchMethodException before31) {
            all = result.getClass().getMethod("all");
        }
        return (TopicDescription) ((Map<?, ?>) ((KafkaFuture<?>) all.invoke(result)).get()).get(topic);
    }

    private void admin() throws Exception {
        String topic = Checks.unique("admin");
        String name = Checks.unique("admin");
        createTopic(topic, 3, Map.of("retention.ms", "3600000"));
        Checks.until("the topic is listed", () -> admin.listTopics().names().get().contains(topic));
        try {
            createTopic(topic, 3, Map.of());
            throw new AssertionError("creating a topic that is there is refused");
        } catch (ExecutionException refused) {
            Checks.isTrue(refused.getCause() instanceof TopicExistsException,
                    "it exists: " + refused.getCause());
        }
        Checks.equal(describe(topic).partitions().size(), 3, "partitions");
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        Checks.until("there are two more partitions", () -> describe(topic).partitions().size() == 5);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        Checks.equal(config.get("retention.ms").value(), "3600000", "retention.ms");

        Collection<Node> brokers = admin.describeCluster().nodes().get();
        Checks.isTrue(brokers.contains(admin.describeCluster().controller().get()),
                "the controller is a broker");
        Checks.isTrue(!admin.describeCluster().clusterId().get().isEmpty(), "the cluster has an id");

        sendAll(List.of(new ProducerRecord<>(topic, 0, null, Checks.bytes("value"))));
        Member member = member(name, topic);
        List<String> received = new ArrayList<>();
        Checks.until("the consumer gets the record", () -> received.addAll(member.take()));
        Checks.isTrue(admin.listConsumerGroups().all().get().stream().anyMatch(g -> g.groupId().equals(name)),
                "the group is listed");
        Checks.equal(state(name), "Stable", "the group's state");
        member.end();
        Checks.until("the group is empty", () -> state(name).equals("Empty"));
        Map<TopicPartition, OffsetAndMetadata> offsets =
                admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get();
        Checks.equal(offsets.get(new TopicPartition(topic, 0)).offset(), 1L, "the group's offset");
        admin.deleteConsumerGroups(List.of(name)).all().get();
        Checks.until("the group is gone", () ->
                admin.listConsumerGroups().all().get().stream().noneMatch(g -> g.groupId().equals(name)));
        admin.deleteTopics(List.of(topic)).all().get();
        Checks.until("the topic is gone", () -> !admin.listTopics().names().get().contains(topic));
    }

    private String state(String group) throws Exception {
        return admin.describeConsumerGroups(List.of(group)).all().get().get(group).state().toString();
    }

    /** Lines `card,amount,station` go to RECHARGE, lines `train,station,state,time` to TRAINTOPIC. */
    private void recharge() throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (String line : options.rest) {
            String topic = line.split(",", -1).length == 3 ? "RECHARGE" : "TRAINTOPIC";
            records.add(new ProducerRecord<>(topic, null, Checks.bytes(line)));
        }
        sendAll(records);
    }

    /** Prints exactly that many records and commits behind them: TOPIC COUNT GROUP. */
    private void read() throws Exception {
        int left = Integer.parseInt(options.rest.get(1));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(options.rest.get(2))) {
            consumer.subscribe(List.of(options.rest.get(0)));
            Map<TopicPartition, OffsetAndMetadata> behind = new HashMap<>();
            while (left > 0) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    if (left-- > 0) {
                        System.out.println(Checks.shown(record));
                        behind.put(new TopicPartition(record.topic(), record.partition()),
                                new OffsetAndMetadata(record.offset() + 1));
                    }
                }
            }
            consumer.commitSync(behind);
        }
    }

    private void denied() throws Exception {
        try {
            admin.describeCluster().nodes().get();
        } catch (ExecutionException refused) {
            Checks.isTrue(refused.getCause() instanceof AuthenticationException,
                    "an authentication error: " + refused.getCause());
            return;
        }
        throw new AssertionError("a wrong password is refused");
    }
}
