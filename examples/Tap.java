import org.voltdb.VoltTable;
import org.voltdb.client.Client2;
import org.voltdb.client.Client2Config;
import org.voltdb.client.ClientFactory;

/**
 * A tap and a recharge through VoltDB's Java client: org.voltdb:voltdbclient on Maven Central, with an slf4j
 * binding beside it.
 */
public final class Tap {
    private static final int CARD = 42;
    private static final int HARVARD = 4;
    private static final byte ENTRY = 1;

    private Tap() {}

    public static void main(String[] arguments) throws Exception {
        try (Client2 client = ClientFactory.createClient(new Client2Config())) {
            client.connectSync("127.0.0.1", Integer.parseInt(arguments[0]));
            // A call that is refused throws a ProcCallException that says why; then nothing was changed.
            VoltTable tap = client.callProcedureSync(
                "ValidateEntry", CARD, System.currentTimeMillis(), HARVARD, ENTRY, 0).getResults()[0];
            tap.advanceRow();
            String decision = tap.getLong("card_accepted") == 1 ? "accepted: " : "rejected: ";
            System.out.println(decision + tap.getString("message"));

            client.callProcedureSync("RechargeCard", CARD, 500, HARVARD);
            VoltTable card = client.callProcedureSync("CARDS.select", CARD).getResults()[0];
            card.advanceRow();
            System.out.printf("balance: %.2f%n", card.getLong("BALANCE") / 100.0);
        }
    }
}
