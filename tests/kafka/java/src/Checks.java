import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Comparison, waiting, and the records that are sent. */
final class Checks {
    private Checks() {}

    static void equal(Object actual, Object wanted, String what) {
        if (!Objects.equals(actual, wanted)) {
            throw new AssertionError(what + ": " + actual + " instead of " + wanted);
        }
    }

    static void isTrue(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    /** Waits for what another thread or the server brings about. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!condition.call()) {
            isTrue(System.nanoTime() < deadline, "not within 60 s: " + what);
            Thread.sleep(20);
        }
    }

    static String unique(String name) {
        return name + "-" + UUID.randomUUID().toString().substring(0, 13);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Records in which everything occurs that a client may send: null keys, null values, empty ones,
     * values that
     * compress well, headers with repeated names and with null values, explicit timestamps.
     */
    static List<ProducerRecord<byte[], byte[]>> recordsFor(String topic, String codec) {
        long firstMs = System.currentTimeMillis() - 3_600_000;
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int number = 0; number < 200; number++) {
            byte[] key = number % 5 == 0 ? null : bytes("key " + number % 10);
            byte[] value = bytes(codec + " " + number + " " + "Park Street ".repeat(20));
            value = number == 7 ? null : number == 8 ? new byte[0] : value;
            List<Header> headers = number % 2 == 0 ? List.of() : List.of(
                    new RecordHeader("codec", bytes(codec)), new RecordHeader("again", bytes("1")),
                    new RecordHeader("again", bytes("2")), new RecordHeader("empty", new byte[0]),
                    new RecordHeader("null", (byte[]) null));
            records.add(new ProducerRecord<>(topic, number % 4, firstMs + number, key, value, headers));
        }
        return records;
    }

    /**
     * Compares everything: in each partition the records sent to it, in that order, with offsets without a
     * gap.
     */
    static void sameRecords(
            List<ConsumerRecord<byte[], byte[]>> received, List<ProducerRecord<byte[], byte[]>> sent) {
        for (int partition = 0; partition < 4; partition++) {
            int which = partition;
            List<String> wanted = new ArrayList<>();
            for (ProducerRecord<byte[], byte[]> record : sent) {
                if (record.partition() == partition) {
                    wanted.add(shown(partition, wanted.size(), record.key(), record.value(),
                            record.timestamp(),
                            record.headers()));
                }
            }
            List<String> found = new ArrayList<>();
            received.stream().filter(r -> r.partition() == which).forEach(record -> found.add(shown(record)));
            equal(found.size(), wanted.size(), "records in partition " + partition);
            for (int position = 0; position < wanted.size(); position++) {
                equal(found.get(position), wanted.get(position), "partition " + partition);
            }
        }
    }

    /** A record as a line of JSON. */
    static String shown(ConsumerRecord<byte[], byte[]> record) {
        return shown(record.partition(), record.offset(), record.key(), record.value(), record.timestamp(),
                record.headers());
    }

    private static String shown(
            int partition, long offset, byte[] key, byte[] value, long timestamp, Iterable<Header> headers) {
        List<String> pairs = new ArrayList<>();
        for (Header header : headers) {
            pairs.add("[" + json(bytes(header.key())) + ", " + json(header.value()) + "]");
        }
        return "{\"partition\": " + partition + ", \"offset\": " + offset + ", \"key\": " + json(key) + ", \"value\": "
                + json(value) + ", \"timestamp\": " + timestamp + ", \"headers\": " + pairs + "}";
    }

    /** Text as a string; bytes that aren't UTF-8 as an object with their base64. */
    private static String json(byte[] data) {
        if (data == null) {
            return "null";
        }
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(data)).toString();
        } catch (CharacterCodingException notText) {
            return "{\"base64\": \"" + Base64.getEncoder().encodeToString(data) + "\"}";
        }
        StringBuilder quoted = new StringBuilder("\"");
        for (char character : text.toCharArray()) {
            if (character == '"' || character == '\\') {
                quoted.append('\\').append(character);
            } else if (character < ' ') {
                quoted.append(String.format("\\u%04x", (int) character));
            } else {
                quoted.append(character);
            }
        }
        return quoted.append('"').toString();
    }

    static List<String> sorted(List<String> values) {
        String[] copy = values.toArray(new String[0]);
        Arrays.sort(copy);
        return Arrays.asList(copy);
    }
}
