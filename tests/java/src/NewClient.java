import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.voltdb.client.Client2;
import org.voltdb.client.Client2CallOptions;
import org.voltdb.client.Client2Config;
import org.voltdb.client.ClientAffinityStats;
import org.voltdb.client.ClientFactory;
import org.voltdb.client.ClientResponse;
import org.voltdb.client.ClientResponseWithPartitionKey;

/** VoltDB's second Java client: futures, priorities and timeouts on every call, calls to the right place. */
public final class NewClient {
    private static final int CALLS = 2000;

    private NewClient() {}

    public static void main(String[] arguments) throws Exception {
        int partitions = Integer.parseInt(arguments[1]);
        List<String> errors = new ArrayList<>();
        Client2Config config = new Client2Config().errorLogHandler(errors::add);
        try (Client2 client = ClientFactory.createClient(config)) {
            client.connectSync("127.0.0.1", Integer.parseInt(arguments[0]));
            Checks.isTrue(client.waitForTopology(60, TimeUnit.SECONDS), "the client learns the topology");
            Checks.equal(client.connectedHosts().size(), 1, "servers");
            many(client);
            refusals(client);
            options(client);
            allPartitions(client, partitions);
            client.drain();
        }
        Checks.equal(errors, new ArrayList<String>(), "what the client complained of");
        System.out.println("done");
    }

    private static void many(Client2 client) throws Exception {
        List<CompletableFuture<ClientResponse>> calls = new ArrayList<>();
        for (int id = 0; id < CALLS; id++) {
            calls.add(client.callProcedureAsync("EVERY_TYPE.insert", Checks.row(id)));
            // The client takes a thousand calls at a time.
            if (id % 500 == 499) {
                client.drain();
            }
        }
        for (CompletableFuture<ClientResponse> call : calls) {
            Checks.equal(Checks.scalar(call.get()), 1L, "modified_tuples");
        }
        for (int id = 0; id < CALLS; id += 7) {
            Checks.isRow(Checks.onlyRow(client.callProcedureSync("EVERY_TYPE.select", id)), id);
        }
        long toTheRightOne = 0;
        for (ClientAffinityStats stats : client.createStatsContext().fetch().getAffinityStats().values()) {
            toTheRightOne += stats.getAffinityReads() + stats.getAffinityWrites();
        }
        Checks.isTrue(toTheRightOne >= CALLS, toTheRightOne + " calls went where the ring says");
    }

    private static void refusals(Client2 client) throws Exception {
        Checks.refused(() -> client.callProcedureSync("EVERY_TYPE.insert", Checks.row(1)),
            ClientResponse.GRACEFUL_FAILURE, "CONSTRAINT VIOLATION");
        Checks.refused(() -> client.callProcedureSync("InsertAndAbort", -9, "not today"),
            ClientResponse.USER_ABORT, "not today");
        Checks.refused(() -> client.callProcedureSync("NoSuchProcedure"),
            ClientResponse.UNEXPECTED_FAILURE, "NoSuchProcedure was not found");
        ClientResponse asynchronous = client.callProcedureAsync("EVERY_TYPE.insert", Checks.row(1)).get();
        Checks.refused(asynchronous, ClientResponse.GRACEFUL_FAILURE, "CONSTRAINT VIOLATION");
    }

    private static void options(Client2 client) throws Exception {
        Client2CallOptions options = new Client2CallOptions().requestPriority(1)
            .queryTimeout(1500, TimeUnit.MILLISECONDS).clientTimeout(60, TimeUnit.SECONDS);
        Checks.isRow(Checks.onlyRow(client.callProcedureSync(options, "EVERY_TYPE.select", 1)), 1);
    }

    private static void allPartitions(Client2 client, int partitions) throws Exception {
        ClientResponseWithPartitionKey[] responses = client.callAllPartitionProcedureSync(null, "CountHere");
        Checks.equal(responses.length, partitions, "responses");
        long rows = 0;
        for (ClientResponseWithPartitionKey response : responses) {
            long here = Checks.scalar(response.response);
            Checks.isTrue(here > 0, "rows in a partition");
            rows += here;
        }
        Checks.equal(rows, Checks.scalar(client.callProcedureSync("CountEverywhere")), "rows over all partitions");
    }
}
