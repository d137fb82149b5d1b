import java.math.BigDecimal;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.Set;

/** The JDBC driver in VoltDB's jar: statements, prepared statements, procedures, metadata. */
public final class Jdbc {
    private Jdbc() {}

    public static void main(String[] arguments) throws Exception {
        Class.forName("org.voltdb.jdbc.Driver");
        try (Connection connection = DriverManager.getConnection("jdbc:voltdb://127.0.0.1:" + arguments[0])) {
            statements(connection);
            prepared(connection);
            procedures(connection);
            metadata(connection);
        }
        System.out.println("done");
    }

    private static void statements(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            int rows = statement.executeUpdate("INSERT INTO every_type (id, text, exact) VALUES (1, 'it''s one', 1.25)");
            Checks.equal(rows, 1, "rows inserted");
            try (ResultSet result = statement.executeQuery("SELECT id, text, exact, big FROM every_type WHERE id = 1")) {
                Checks.isTrue(result.next(), "a row");
                Checks.equal(result.getInt("ID"), 1, "ID");
                Checks.equal(result.getString(2), "it's one", "TEXT");
                Checks.equal(result.getBigDecimal(3).stripTrailingZeros(), new BigDecimal("1.25"), "EXACT");
                result.getLong(4);
                Checks.isTrue(result.wasNull(), "BIG is null");
                Checks.isTrue(!result.next(), "one row");
            }
            try {
                statement.executeQuery("SELECT * FROM nowhere");
                throw new AssertionError("a table that isn't there");
            } catch (SQLException e) {
                Checks.isTrue(e.getMessage().toLowerCase().contains("nowhere"), e.getMessage());
            }
        }
    }

    private static void prepared(Connection connection) throws SQLException {
        String insert = "INSERT INTO every_type (id, text, at) VALUES (?, ?, ?)";
        try (PreparedStatement statement = connection.prepareStatement(insert)) {
            for (int id = 2; id <= 10; id++) {
                statement.setInt(1, id);
                statement.setString(2, "row " + id);
                statement.setTimestamp(3, new java.sql.Timestamp(1_700_000_000_000L));
                Checks.equal(statement.executeUpdate(), 1, "rows inserted");
            }
        }
        String select = "SELECT COUNT(*), MIN(id), MAX(id) FROM every_type WHERE id > ?";
        try (PreparedStatement statement = connection.prepareStatement(select)) {
            statement.setInt(1, 5);
            try (ResultSet result = statement.executeQuery()) {
                Checks.isTrue(result.next(), "a row");
                Checks.equal(result.getLong(1) + " " + result.getInt(2) + " " + result.getInt(3), "5 6 10", "row");
            }
        }
    }

    private static void procedures(Connection connection) throws SQLException {
        try (CallableStatement call = connection.prepareCall("{call EVERY_TYPE.select(?)}")) {
            call.setInt(1, 7);
            try (ResultSet result = call.executeQuery()) {
                Checks.isTrue(result.next(), "a row");
                Checks.equal(result.getString("TEXT"), "row 7", "TEXT");
                Checks.equal(result.getTimestamp("AT").getTime(), 1_700_000_000_000L, "AT");
            }
        }
        try (CallableStatement call = connection.prepareCall("{call CountEverywhere}")) {
            try (ResultSet result = call.executeQuery()) {
                Checks.isTrue(result.next(), "a row");
                Checks.equal(result.getLong(1), 10L, "rows");
            }
        }
    }

    private static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData metadata = connection.getMetaData();
        Checks.isTrue(!metadata.getDatabaseProductName().isEmpty(), "a name");
        Checks.isTrue(metadata.getDatabaseMajorVersion() >= 0, "a version");
        Checks.isTrue(names(metadata.getTables(null, null, "%", null), "TABLE_NAME").contains("EVERY_TYPE"), "tables");
        Set<String> columns = names(metadata.getColumns(null, null, "EVERY_TYPE", "%"), "COLUMN_NAME");
        Checks.equal(columns.size(), 10, "columns");
        Set<String> keys = names(metadata.getPrimaryKeys(null, null, "EVERY_TYPE"), "COLUMN_NAME");
        Checks.equal(keys, Set.of("ID"), "primary key");
        Set<String> procedures = names(metadata.getProcedures(null, null, "%"), "PROCEDURE_NAME");
        Checks.isTrue(procedures.contains("EVERY_TYPE.insert"), "procedures: " + procedures);
        names(metadata.getIndexInfo(null, null, "EVERY_TYPE", false, true), "INDEX_NAME");
    }

    private static Set<String> names(ResultSet result, String column) throws SQLException {
        Set<String> names = new HashSet<>();
        while (result.next()) {
            names.add(result.getString(column));
        }
        return names;
    }
}
