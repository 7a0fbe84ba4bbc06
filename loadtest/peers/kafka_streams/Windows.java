import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/** Count and sum per account and minute: java Windows SERVERS INPUT OUTPUT APPLICATION STATE_FOLDER. */
public final class Windows {
    static final Duration SIZE = Duration.ofMinutes(1);
    static final Duration GRACE = Duration.ofSeconds(5);
    static final ObjectMapper JSON = new ObjectMapper();

    /** The fields that the job needs; the others are not even made into objects. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Payment(
            @JsonProperty("account") String account,
            @JsonProperty("occurred_at") String occurredAt,
            @JsonProperty("amount") long amount) {
        long millis() {
            return Instant.parse(occurredAt).toEpochMilli();
        }
    }

    /** What is kept for an account and minute. */
    record Total(long payments, long amount) {
        Total plus(Payment payment) {
            return new Total(payments + 1, amount + payment.amount());
        }

        byte[] bytes() {
            return ByteBuffer.allocate(16).putLong(payments).putLong(amount).array();
        }

        static Total of(byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            return new Total(buffer.getLong(), buffer.getLong());
        }
    }

    /** What is written. */
    record Row(
            @JsonProperty("account") String account,
            @JsonProperty("window_start") long windowStart,
            @JsonProperty("window_end") long windowEnd,
            @JsonProperty("payments") long payments,
            @JsonProperty("total") long total) {}

    static <T> Serde<T> json(Class<T> type) {
        return Serdes.serdeFrom((topic, value) -> write(value), (topic, bytes) -> read(bytes, type));
    }

    static byte[] write(Object value) {
        try {
            return JSON.writeValueAsBytes(value);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static <T> T read(byte[] bytes, Class<T> type) {
        try {
            return JSON.readValue(bytes, type);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    public static void main(String[] arguments) {
        String input = arguments[1];
        String output = arguments[2];
        Serde<Total> totals = Serdes.serdeFrom(
                (topic, total) -> total == null ? null : total.bytes(),
                (topic, bytes) -> bytes == null ? null : Total.of(bytes));
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(
                        input,
                        Consumed.with(Serdes.String(), json(Payment.class))
                                .withTimestampExtractor((record, last) -> ((Payment) record.value()).millis()))
                .groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(SIZE, GRACE))
                .aggregate(
                        () -> new Total(0, 0),
                        (account, payment, total) -> total.plus(payment),
                        Materialized.<String, Total, WindowStore<Bytes, byte[]>>as("totals")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(totals))
                .toStream()
                .map((window, total) -> KeyValue.pair(
                        window.key(),
                        new Row(
                                window.key(),
                                window.window().start(),
                                window.window().end(),
                                total.payments(),
                                total.amount())))
                .to(output, Produced.with(Serdes.String(), json(Row.class)));

        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[3]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        // The payments are years old, and the topic of the changelog would be cleared of them while it is written.
        settings.put(StreamsConfig.WINDOW_STORE_CHANGE_LOG_ADDITIONAL_RETENTION_MS_CONFIG, 10L * 365 * 86_400_000);
        KafkaStreams streams = new KafkaStreams(builder.build(settings), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(30))));
        streams.start();
    }
}
