"""VoltDB's older Python module, as it comes from PyPI, against the metro: FastSerializer and VoltProcedure, one
connection, one call at a time. usage: one_call_at_a_time.py PORT"""

import sys

from voltdbclient import FastSerializer, VoltProcedure

import checks
from checks import GRACEFUL_FAILURE, MORNING_MS, UNEXPECTED_FAILURE, USER_ABORT
from checks import equal, names, refused, rows, scalar, succeeded, true

TINYINT = FastSerializer.VOLTTYPE_TINYINT
SMALLINT = FastSerializer.VOLTTYPE_SMALLINT
INTEGER = FastSerializer.VOLTTYPE_INTEGER
BIGINT = FastSerializer.VOLTTYPE_BIGINT
STRING = FastSerializer.VOLTTYPE_STRING
TIMESTAMP = FastSerializer.VOLTTYPE_TIMESTAMP

TAP = [INTEGER, BIGINT, INTEGER, TINYINT, INTEGER]
ENTRY, EXIT = 1, -1

PORT = int(sys.argv[1])
connection = FastSerializer("127.0.0.1", PORT)


def call(name, types=(), parameters=()):
    return VoltProcedure(connection, name, list(types)).call(list(parameters))


def sql(text):
    return call("@AdHoc", [STRING], [text])


def tap(card, ms, station, code=ENTRY):
    procedure = "ValidateEntry" if code == ENTRY else "ProcessExit"
    (table,) = succeeded(call(procedure, TAP, [card, ms, station, code, 0])).tables
    equal(names(table), ["card_accepted", "message"], procedure)
    (row,) = table.tuples
    return tuple(row)


def new_card(card, balance, card_type=0, expires=None, notify=0):
    types = [INTEGER, TINYINT, TINYINT, INTEGER, TIMESTAMP, STRING, STRING, STRING, TINYINT]
    values = [card, 1, card_type, balance, expires, "Charlie", "6175551234", "charlie@mta.example", notify]
    equal(scalar(call("CARDS.insert", types, values)), 1, "modified_tuples")


def balance(card):
    (table,) = succeeded(call("CARDS.select", [INTEGER], [card])).tables
    return rows(table)[0]["BALANCE"]


def check_login_with_any_name_while_security_is_off():
    other = FastSerializer("127.0.0.1", PORT, username="bob", password="secret")
    equal(VoltProcedure(other, "@Ping").call().status, 1, "@Ping")
    other.close()


def check_the_line_is_written_to_every_partition():
    for number, name in enumerate(checks.STATIONS, start=1):
        types = [SMALLINT, STRING, SMALLINT, INTEGER]
        equal(scalar(call("STATIONS.insert", types, [number, name, 250, 1000])), 1, name)
    (table,) = succeeded(sql("SELECT COUNT(*) FROM stations")).tables
    equal(table.tuples, [[17]], "stations")


def check_a_ride_from_card_to_trip():
    new_card(1, 1000)
    equal(tap(1, MORNING_MS, 4), (1, "Remaining Balance: 7.50"))
    equal(tap(1, MORNING_MS + 60_000, 9, EXIT), (1, ""))
    equal(balance(1), 750, "balance")
    equal(scalar(call("RechargeCard", [INTEGER] * 3, [1, 2000, 4])), 0, "RechargeCard")
    equal(balance(1), 2750, "balance")


def check_every_refusal_of_a_tap():
    new_card(2, 249, notify=1)
    equal(tap(2, MORNING_MS, 1), (0, "Card has insufficient balance: 2.49"))
    equal(tap(404, MORNING_MS, 1), (0, "Card Invalid"))
    new_card(3, 1000)
    succeeded(call("CARDS.update", [INTEGER, TINYINT, TINYINT, INTEGER, TIMESTAMP, STRING, STRING, STRING, TINYINT,
                                    INTEGER], [3, 0, 0, 1000, None, None, None, None, 0, 3]))
    equal(tap(3, MORNING_MS, 1), (0, "Card Disabled"))
    new_card(5, 1000)
    equal(tap(5, MORNING_MS, 1)[0], 1, "first tap")
    equal(tap(5, MORNING_MS + 900, 1), (0, "Fraudulent transaction"))


def check_an_unlimited_card():
    new_card(6, 0, card_type=1)
    equal(tap(6, MORNING_MS, 1), (0, "Card Expired"), "no end is an end in the past")
    insert = "INSERT INTO cards (card_id, card_type, expires) VALUES (7, 1, '2030-01-01 00:00:00')"
    equal(scalar(sql(insert)), 1, "modified_tuples")
    accepted, message = tap(7, MORNING_MS, 1)
    equal(accepted, 1, message)
    true(message.startswith("Card Expires: 2030-01-01 00:00:00"), message)


def check_an_abort_names_its_reason_and_changes_nothing():
    before = succeeded(sql("SELECT COUNT(*) FROM card_events")).tables[0].tuples
    refused(call("ValidateEntry", TAP, [1, MORNING_MS, 99, 1, 0]), USER_ABORT, "99")
    refused(call("ProcessExit", TAP, [1, MORNING_MS, 99, -1, 0]), USER_ABORT, "99")
    equal(succeeded(sql("SELECT COUNT(*) FROM card_events")).tables[0].tuples, before, "card_events")


def check_refusals_of_the_server_itself():
    refused(call("NoSuchProcedure"), UNEXPECTED_FAILURE, "Procedure NoSuchProcedure was not found")
    refused(call("ValidateEntry", [INTEGER], [1]), GRACEFUL_FAILURE, "5", "1")
    refused(call("RechargeCard", [INTEGER, STRING, INTEGER], [1, "much", 1]), GRACEFUL_FAILURE, "amount")
    refused(call("RechargeCard", [INTEGER, BIGINT, INTEGER], [1, 2 ** 40, 1]), GRACEFUL_FAILURE, "amount")
    refused(call("STATIONS.insert", [SMALLINT, STRING, SMALLINT, INTEGER], [1, "Alewife", 250, 1]),
            GRACEFUL_FAILURE, "CONSTRAINT VIOLATION")
    refused(call("RechargeCard", [INTEGER] * 3, [1, [1, 2], 1]), GRACEFUL_FAILURE, "amount")


def check_values_of_other_types_are_converted():
    """An integer of any width that fits, and text that reads as a number."""
    equal(scalar(call("RechargeCard", [BIGINT, TINYINT, STRING], [1, 100, "4"])), 0, "RechargeCard")
    equal(balance(1), 2850, "balance")


def check_default_procedures():
    types = [SMALLINT, STRING]
    equal(scalar(call("TRAINS.insert", types, [1, "Legislator"])), 1, "insert")
    equal(scalar(call("TRAINS.upsert", types, [1, "Mohawk"])), 1, "upsert")
    equal(scalar(call("TRAINS.update", types + [SMALLINT], [1, None, 1])), 1, "update")
    equal(succeeded(call("TRAINS.select", [SMALLINT], [1])).tables[0].tuples, [[1, None]], "select")
    equal(scalar(call("TRAINS.delete", [SMALLINT], [1])), 1, "delete")
    equal(succeeded(call("TRAINS.select", [SMALLINT], [1])).tables[0].tuples, [], "select after delete")


def check_sql():
    (table,) = succeeded(sql("SELECT station_id, name FROM stations WHERE station_id <= 2 ORDER BY station_id")).tables
    equal(table.tuples, [[1, "Alewife"], [2, "Davis Square"]], "stations")
    equal(names(table), ["STATION_ID", "NAME"], "columns")
    (table,) = succeeded(sql("SELECT accept, COUNT(*) FROM card_events GROUP BY accept ORDER BY accept")).tables
    true([row[0] for row in table.tuples] == [-1, 0, 1], f"{table.tuples}")
    equal(scalar(sql("INSERT INTO trains VALUES (8, 'Iverson')")), 1, "modified_tuples")
    refused(sql("SELEKT 1"), GRACEFUL_FAILURE)
    refused(sql("SELECT * FROM nowhere"), GRACEFUL_FAILURE, "nowhere")


def check_the_catalogue():
    def catalogue(kind):
        return rows(succeeded(call("@SystemCatalog", [STRING], [kind])).tables[0])

    tables = {row["TABLE_NAME"]: row for row in catalogue("TABLES")}
    true({"CARDS", "STATIONS", "CARD_EVENTS", "TRIPS"} <= tables.keys(), f"{sorted(tables)}")
    columns = [row["COLUMN_NAME"] for row in catalogue("COLUMNS") if row["TABLE_NAME"] == "STATIONS"]
    equal(sorted(columns), ["FARE", "NAME", "STATION_ID", "WEIGHT"], "columns of stations")
    procedures = {row["PROCEDURE_NAME"] for row in catalogue("PROCEDURES")}
    true({"ValidateEntry", "ProcessExit", "RechargeCard", "CARDS.insert"} <= procedures, f"{sorted(procedures)}")
    parameters = [row for row in catalogue("PROCEDURECOLUMNS") if row["PROCEDURE_NAME"] == "ValidateEntry"]
    equal(len(parameters), 5, "parameters of ValidateEntry")
    keys = [row["COLUMN_NAME"] for row in catalogue("PRIMARYKEYS") if row["TABLE_NAME"] == "CARDS"]
    equal(keys, ["CARD_ID"], "primary key of cards")
    for kind in ["INDEXINFO", "TYPEINFO"]:
        true(catalogue(kind), kind)
    refused(call("@SystemCatalog", [STRING], ["NOTHING"]), GRACEFUL_FAILURE)


def check_statistics():
    def statistics(selector):
        return succeeded(call("@Statistics", [STRING, TINYINT], [selector, 0])).tables

    topology, ring = statistics("TOPO")
    true(any(row["Partition"] == 16383 for row in rows(topology)), "the multi-partition initiator has a row")
    equal(rows(ring)[0]["HASHTYPE"], "ELASTIC", "HASHTYPE")
    (procedures,) = statistics("PROCEDURE")
    judged = [row for row in rows(procedures) if row["PROCEDURE"].endswith("ValidateEntry")]
    true(sum(row["INVOCATIONS"] for row in judged) > 0, "ValidateEntry was called")
    (tables,) = statistics("TABLE")
    cards = [row["TUPLE_COUNT"] for row in rows(tables) if row["TABLE_NAME"] == "CARDS"]
    true(sum(cards) >= 5, f"{cards} cards")
    (clients,) = statistics("LIVECLIENTS")[:1]
    true(len(clients.tuples) >= 1, "this client is there")
    equal(rows(statistics("PARTITIONCOUNT")[0])[0]["PARTITION_COUNT"], len(topology.tuples) - 1, "PARTITION_COUNT")
    for selector in ["INDEX", "MEMORY", "LATENCY", "COMMANDLOG"]:
        true(statistics(selector), selector)
    refused(call("@Statistics", [STRING, TINYINT], ["NOTHING", 0]), GRACEFUL_FAILURE)


def check_what_the_server_says_of_itself():
    overview = succeeded(call("@SystemInformation", [STRING], ["OVERVIEW"])).tables[0]
    facts = {row["KEY"]: row["VALUE"] for row in rows(overview)}
    equal(facts["CLIENTPORT"], str(PORT), "CLIENTPORT")
    true("VERSION" in facts, f"{sorted(facts)}")
    true(succeeded(call("@SystemInformation", [STRING], ["DEPLOYMENT"])).tables[0].tuples, "DEPLOYMENT")
    for key_type in ["INTEGER", "STRING", "VARBINARY"]:
        (keys,) = succeeded(call("@GetPartitionKeys", [STRING], [key_type])).tables
        true(len(keys.tuples) >= 1, key_type)


checks.run(dict(globals()))
connection.close()
