import java.util.Arrays;
import java.util.Objects;

import org.voltdb.VoltTable;
import org.voltdb.client.ClientResponse;
import org.voltdb.client.ProcCallException;

/** What the Java callers share: plain comparison, and a table with a column of every type. */
final class Checks {
    /** Values of every_type after its key: ordinary ones. The last is a time in microseconds. */
    static Object[] row(int id) {
        return new Object[] {
            id, (byte) 1, (short) 2, 3, id * 10L, 1.5, new java.math.BigDecimal("-1.5"), "row " + id,
            new byte[] {0, 1, (byte) 0xff}, new org.voltdb.types.TimestampType(1_700_000_000_123_456L)
        };
    }

    private Checks() {}

    static void equal(Object actual, Object wanted, String what) {
        if (!Objects.deepEquals(actual, wanted)) {
            throw new AssertionError(what + ": " + shown(actual) + " instead of " + shown(wanted));
        }
    }

    private static String shown(Object value) {
        return Arrays.deepToString(new Object[] {value});
    }

    static void isTrue(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    static ClientResponse succeeded(ClientResponse response) {
        isTrue(response.getStatus() == ClientResponse.SUCCESS,
            "status " + response.getStatus() + ": " + response.getStatusString());
        return response;
    }

    /** The one value of a response that has one table of one row. */
    static long scalar(ClientResponse response) {
        VoltTable[] tables = succeeded(response).getResults();
        equal(tables.length, 1, "tables");
        return tables[0].asScalarLong();
    }

    /** The only table of a response, at its only row. */
    static VoltTable onlyRow(ClientResponse response) {
        VoltTable[] tables = succeeded(response).getResults();
        equal(tables.length, 1, "tables");
        equal(tables[0].getRowCount(), 1, "rows");
        tables[0].resetRowPosition();
        tables[0].advanceRow();
        return tables[0];
    }

    static void refused(ClientResponse response, byte status, String word) {
        equal(response.getStatus(), status, "status of: " + response.getStatusString());
        String text = response.getStatusString();
        isTrue(text != null && text.contains(word), word + " in: " + text);
    }

    /** A call that is to be refused; the client throws what the server answered. */
    interface Call {
        ClientResponse make() throws Exception;
    }

    static void refused(Call call, byte status, String word) throws Exception {
        try {
            call.make();
        } catch (ProcCallException e) {
            refused(e.getClientResponse(), status, word);
            return;
        }
        throw new AssertionError("a call was not refused: " + word);
    }

    /** A row of every_type as {@link #row} makes it. */
    static void isRow(VoltTable table, int id) {
        equal((int) table.getLong("ID"), id, "ID");
        equal(table.getLong("TINY"), 1L, "TINY");
        equal(table.getLong("SMALL"), 2L, "SMALL");
        equal(table.getLong("WHOLE"), 3L, "WHOLE");
        equal(table.getLong("BIG"), id * 10L, "BIG");
        equal(table.getDouble("REAL_NUMBER"), 1.5, "REAL_NUMBER");
        equal(table.getDecimalAsBigDecimal("EXACT").stripTrailingZeros(), new java.math.BigDecimal("-1.5"), "EXACT");
        equal(table.getString("TEXT"), "row " + id, "TEXT");
        equal(table.getVarbinary("RAW"), new byte[] {0, 1, (byte) 0xff}, "RAW");
        equal(table.getTimestampAsLong("AT"), 1_700_000_000_123_456L, "AT");
    }
}
