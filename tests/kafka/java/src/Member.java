import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;

/**
 * A consumer of a group on a thread of its own, committing what it has handed over. A commit may come too
 * late, when
 * the partitions are being shared anew: then the records come again.
 */
final class Member extends Thread {
    final Map<Integer, Long> committed = new ConcurrentHashMap<>();
    volatile Set<Integer> partitions = Set.of();
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final String topic;
    private final ConcurrentLinkedQueue<String> received = new ConcurrentLinkedQueue<>();
    private volatile boolean stopping;
    private volatile Exception failure;

    Member(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        this.consumer = consumer;
        this.topic = topic;
        setDaemon(true);
    }

    @Override
    public void run() {
        try (consumer) {
            consumer.subscribe(List.of(topic));
            while (!stopping) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    received.add(new String(record.value(), StandardCharsets.UTF_8));
                    commitBehind(record);
                }
                partitions =
                        consumer.assignment().stream()
                                .map(TopicPartition::partition).collect(Collectors.toSet());
            }
        } catch (Exception thrown) {
            failure = thrown;
        }
    }

    private void commitBehind(ConsumerRecord<byte[], byte[]> record) {
        long behind = record.offset() + 1;
        try {
            consumer.commitSync(Map.of(new TopicPartition(topic, record.partition()),
                    new OffsetAndMetadata(behind)));
            committed.put(record.partition(), behind);
        } catch (CommitFailedException | RetriableException tooLate) {
            // The next owner gets the record again.
        }
    }

    List<String> take() throws Exception {
        if (failure != null) {
            throw failure;
        }
        List<String> taken = new ArrayList<>();
        for (String value = received.poll(); value != null; value = received.poll()) {
            taken.add(value);
        }
        return taken;
    }

    List<String> end() throws Exception {
        stopping = true;
        join(15_000);
        Checks.isTrue(!isAlive(), "a consumer closes within 15 s");
        return take();
    }
}
