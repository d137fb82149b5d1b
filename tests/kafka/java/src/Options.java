import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * The command line: BOOTSTRAP SCENARIO [ARGUMENT…] [--sasl MECHANISM --user NAME --password WORD] [--ca
 * FILE].
 */
final class Options {
    final String bootstrap;
    final String scenario;
    final List<String> rest;
    private final Map<String, String> named = new HashMap<>();

    Options(String[] words) {
        List<String> plain = new ArrayList<>();
        for (int position = 0; position < words.length; position++) {
            if (words[position].startsWith("--")) {
                named.put(words[position], words[++position]);
            } else {
                plain.add(words[position]);
            }
        }
        bootstrap = plain.get(0);
        scenario = plain.get(1);
        rest = plain.subList(2, plain.size());
    }

    int deadlineSeconds() {
        return Integer.parseInt(named.getOrDefault("--deadline", "300"));
    }

    /** What every producer, consumer and admin client needs, and what is added for one of them. */
    Properties settings(String... more) throws Exception {
        Properties settings = new Properties();
        String sasl = named.get("--sasl");
        String ca = named.get("--ca");
        settings.put("bootstrap.servers", bootstrap);
        settings.put("security.protocol", (sasl == null ? "" : "SASL_") + (ca == null ? "PLAINTEXT" : "SSL"));
        settings.put("default.api.timeout.ms", "15000");
        settings.put("request.timeout.ms", "10000");
        if (sasl != null) {
            String module = sasl.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
            settings.put("sasl.mechanism", sasl);
            settings.put("sasl.jaas.config",
                    "org.apache.kafka.common.security." + module + " required username=\""
                    + named.get("--user") + "\" password=\"" + named.get("--password") + "\";");
        }
        if (ca != null) {
            settings.put("ssl.truststore.location", trustStore(ca));
            settings.put("ssl.truststore.password", "changeit");
            settings.put("ssl.truststore.type", "PKCS12");
        }
        for (int position = 0; position < more.length; position += 2) {
            settings.put(more[position], more[position + 1]);
        }
        return settings;
    }

    /** Clients before 2.7 take no PEM file. */
    private static synchronized String trustStore(String ca) throws Exception {
        Path path = Files.createTempFile("trust", ".p12");
        path.toFile().deleteOnExit();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(ca));
                OutputStream out = Files.newOutputStream(path)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
            store.store(out, "changeit".toCharArray());
        }
        return path.toString();
    }
}
