import java.util.Collections;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.voltdb.client.Client;
import org.voltdb.client.Client2;
import org.voltdb.client.Client2Config;
import org.voltdb.client.ClientConfig;
import org.voltdb.client.ClientFactory;
import org.voltdb.client.VoltBulkLoader.VoltBulkLoader;

/** The bulk loader of both Java clients: batches by partition, rows over old ones, single rows that fail. */
public final class BulkLoader {
    private static final int ROWS = 1000;

    private BulkLoader() {}

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        Client client = ClientFactory.createClient(new ClientConfig());
        client.createConnection("127.0.0.1", port);
        Checks.isTrue(client.waitForTopology(60_000), "the client learns the topology");
        List<Object> failed = Collections.synchronizedList(new ArrayList<>());

        VoltBulkLoader loader = client.getNewBulkLoader("every_type", 50, false,
            (handle, row, response) -> failed.add(handle));
        load(loader, 0, ROWS);
        loader.insertRow(ROWS, Checks.row(500));
        loader.close();
        Checks.equal(failed, List.of(ROWS), "rows that failed");
        Checks.equal(count(client), (long) ROWS, "rows");

        VoltBulkLoader upserts = client.getNewBulkLoader("every_type", 50, true,
            (handle, row, response) -> failed.add(handle));
        load(upserts, 500, ROWS);
        upserts.close();
        Checks.equal(failed, List.of(ROWS), "rows that failed");
        Checks.equal(count(client), 1500L, "rows");

        VoltBulkLoader places = client.getNewBulkLoader("everywhere", 10, false,
            (handle, row, response) -> failed.add(handle));
        for (int place = 1; place <= 100; place++) {
            places.insertRow(place, place, "place " + place);
        }
        places.close();
        Checks.equal(failed, List.of(ROWS), "rows that failed");

        newer(port);
        Checks.equal(count(client), 2500L, "rows");
        Checks.isRow(Checks.onlyRow(client.callProcedure("EVERY_TYPE.select", 2999)), 2999);
        client.close();
        System.out.println("done");
    }

    /** The same through the second client. */
    private static void newer(int port) throws Exception {
        List<Object> failed = Collections.synchronizedList(new ArrayList<>());
        try (Client2 client = ClientFactory.createClient(new Client2Config())) {
            client.connectSync("127.0.0.1", port);
            Checks.isTrue(client.waitForTopology(60, TimeUnit.SECONDS), "the client learns the topology");
            VoltBulkLoader loader = client.newBulkLoader("every_type", 50, false,
                (handle, row, response) -> failed.add(handle), null);
            load(loader, 2000, ROWS);
            loader.close();
        }
        Checks.equal(failed, List.of(), "rows that failed");
    }

    private static void load(VoltBulkLoader loader, int first, int rows) throws Exception {
        for (int id = first; id < first + rows; id++) {
            loader.insertRow(id, Checks.row(id));
        }
        loader.drain();
    }

    private static long count(Client client) throws Exception {
        return Checks.scalar(client.callProcedure("@AdHoc", "SELECT COUNT(*) FROM every_type"));
    }
}
