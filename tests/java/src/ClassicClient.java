import java.util.concurrent.atomic.AtomicInteger;

import org.voltdb.VoltTable;
import org.voltdb.VoltType;
import org.voltdb.client.Client;
import org.voltdb.client.ClientConfig;
import org.voltdb.client.ClientFactory;
import org.voltdb.client.ClientResponse;
import org.voltdb.client.ClientResponseWithPartitionKey;

/** VoltDB's first Java client: calls that wait and calls that don't, every type, refusals, all partitions. */
public final class ClassicClient {
    private static final int CALLS = 2000;

    private ClassicClient() {}

    public static void main(String[] arguments) throws Exception {
        String server = "127.0.0.1:" + arguments[0];
        int partitions = Integer.parseInt(arguments[1]);
        ClientConfig config = new ClientConfig("bob", "secret");
        config.setTopologyChangeAware(true);
        Client client = ClientFactory.createClient(config);
        client.createConnection(server);
        Checks.isTrue(client.waitForTopology(60_000), "the client learns the topology");
        Checks.isTrue(client.getBuildString() != null, "the server says what it is");
        Checks.equal(client.getConnectedHostList().size(), 1, "servers");

        values(client);
        parameters(client);
        refusals(client);
        many(client);
        allPartitions(client, partitions);
        client.drain();
        client.close();
        otherDigest(server);
        System.out.println("done");
    }

    private static void values(Client client) throws Exception {
        Checks.equal(Checks.scalar(client.callProcedure("EVERY_TYPE.insert", Checks.row(1))), 1L, "modified_tuples");
        Checks.isRow(Checks.onlyRow(client.callProcedure("EVERY_TYPE.select", 1)), 1);

        Object[] nulls = {2, null, VoltType.NULL_SMALLINT, VoltType.NULL_INTEGER, null, VoltType.NULL_FLOAT,
            VoltType.NULL_DECIMAL, VoltType.NULL_STRING_OR_VARBINARY, null, VoltType.NULL_TIMESTAMP};
        Checks.scalar(client.callProcedure("EVERY_TYPE.insert", nulls));
        VoltTable table = Checks.onlyRow(client.callProcedure("EVERY_TYPE.select", 2));
        for (int column = 1; column < table.getColumnCount(); column++) {
            table.get(column, table.getColumnType(column));
            Checks.isTrue(table.wasNull(), table.getColumnName(column) + " is null");
        }
    }

    /** What a client sends for a column is not always of the column's type. */
    private static void parameters(Client client) throws Exception {
        java.util.Date day = new java.util.Date(1_700_000_000_123L);
        Object[] wide = {3L, 1L, 2L, 3L, 4, 5, 6.25, "text", "00ff", day};
        Checks.scalar(client.callProcedure("EVERY_TYPE.insert", wide));
        VoltTable table = Checks.onlyRow(client.callProcedure("EVERY_TYPE.select", 3));
        Checks.equal(table.getDouble("REAL_NUMBER"), 5.0, "REAL_NUMBER");
        Checks.equal(table.getDecimalAsBigDecimal("EXACT").doubleValue(), 6.25, "EXACT");
        Checks.equal(table.getVarbinary("RAW"), new byte[] {0, (byte) 0xff}, "RAW");
        Checks.equal(table.getTimestampAsLong("AT"), 1_700_000_000_123_000L, "AT");
    }

    private static void refusals(Client client) throws Exception {
        Checks.refused(() -> client.callProcedure("EVERY_TYPE.insert", Checks.row(1)),
            ClientResponse.GRACEFUL_FAILURE, "CONSTRAINT VIOLATION");
        Checks.refused(() -> client.callProcedure("InsertAndAbort", 9, "not today"),
            ClientResponse.USER_ABORT, "not today");
        Checks.refused(() -> client.callProcedure("InsertAndPanic", 9), ClientResponse.UNEXPECTED_FAILURE, "");
        Checks.refused(() -> client.callProcedure("NoSuchProcedure"),
            ClientResponse.UNEXPECTED_FAILURE, "NoSuchProcedure was not found");
        // The client itself refuses a key that it cannot hash, so these are other columns.
        Object[] row = Checks.row(9);
        row[4] = "four";
        Checks.refused(() -> client.callProcedure("EVERY_TYPE.insert", row), ClientResponse.GRACEFUL_FAILURE, "BIG");
        row[4] = new int[] {1, 2};
        Checks.refused(() -> client.callProcedure("EVERY_TYPE.insert", row), ClientResponse.GRACEFUL_FAILURE, "BIG");
        row[4] = new String[0];
        Checks.refused(() -> client.callProcedure("EVERY_TYPE.insert", row), ClientResponse.GRACEFUL_FAILURE, "BIG");
        Checks.refused(() -> client.callProcedure("@AdHoc", "SELEKT 1"), ClientResponse.GRACEFUL_FAILURE, "");
        Checks.equal(client.callProcedure("EVERY_TYPE.select", 9).getResults()[0].getRowCount(), 0, "rows");
    }

    private static void many(Client client) throws Exception {
        AtomicInteger right = new AtomicInteger();
        for (int id = 1000; id < 1000 + CALLS; id++) {
            client.callProcedure(response -> Checks.succeeded(response), "EVERY_TYPE.insert", Checks.row(id));
        }
        client.drain();
        for (int id = 1000; id < 1000 + CALLS; id++) {
            int wanted = id;
            client.callProcedure(response -> {
                Checks.isRow(Checks.onlyRow(response), wanted);
                right.incrementAndGet();
            }, "EVERY_TYPE.select", id);
        }
        client.drain();
        Checks.equal(right.get(), CALLS, "calls that got their own reply");
        VoltTable counted = Checks.onlyRow(
            client.callProcedure("@AdHoc", "SELECT COUNT(*) FROM every_type WHERE id >= ?", 1000));
        Checks.equal(counted.getLong(0), (long) CALLS, "rows");
    }

    private static void allPartitions(Client client, int partitions) throws Exception {
        ClientResponseWithPartitionKey[] responses = client.callAllPartitionProcedure("CountHere");
        Checks.equal(responses.length, partitions, "responses");
        long rows = 0;
        for (ClientResponseWithPartitionKey response : responses) {
            rows += Checks.scalar(response.response);
        }
        Checks.equal(rows, Checks.scalar(client.callProcedure("CountEverywhere")), "rows over all partitions");
        for (String selector : new String[] {"TABLE", "INDEX", "PROCEDURE", "MEMORY", "LIVECLIENTS", "TOPO"}) {
            Checks.succeeded(client.callProcedure("@Statistics", selector, 0));
        }
    }

    /** The older digest of the password, which a client may still choose. */
    private static void otherDigest(String server) throws Exception {
        ClientConfig config = new ClientConfig("bob", "secret", null, org.voltdb.client.ClientAuthScheme.HASH_SHA1);
        Client client = ClientFactory.createClient(config);
        client.createConnection(server);
        Checks.succeeded(client.callProcedure("@Ping"));
        client.close();
    }
}
