"""VoltDB's Python client against a table with a column of every type: what goes in comes out, null and the ends of
each type's range among it. usage: every_type.py PORT"""

import datetime
import sys
from decimal import Decimal

from voltdbclient import FastSerializer, VoltProcedure

import checks
from checks import GRACEFUL_FAILURE, UNEXPECTED_FAILURE, USER_ABORT, equal, refused, scalar, succeeded, true

S = FastSerializer
TYPES = [S.VOLTTYPE_INTEGER, S.VOLTTYPE_TINYINT, S.VOLTTYPE_SMALLINT, S.VOLTTYPE_INTEGER, S.VOLTTYPE_BIGINT,
         S.VOLTTYPE_FLOAT, S.VOLTTYPE_DECIMAL, S.VOLTTYPE_STRING, S.VOLTTYPE_VARBINARY, S.VOLTTYPE_TIMESTAMP]

connection = FastSerializer("127.0.0.1", int(sys.argv[1]))


def call(name, types=(), parameters=()):
    return VoltProcedure(connection, name, list(types)).call(list(parameters))


def there_and_back(identity, *values):
    """Inserts a row, reads it again, and answers with what was read."""
    equal(scalar(call("EVERY_TYPE.insert", TYPES, [identity, *values])), 1, "modified_tuples")
    (table,) = succeeded(call("EVERY_TYPE.select", [S.VOLTTYPE_INTEGER], [identity])).tables
    (row,) = table.tuples
    equal(row[0], identity, "id")
    equal([column.type for column in table.columns], TYPES, "column types")
    return [bytes(value) if column.type == S.VOLTTYPE_VARBINARY and value is not None else value
            for column, value in zip(table.columns[1:], row[1:])]


def same(identity, *values):
    equal(there_and_back(identity, *values), list(values), f"row {identity}")


def check_ordinary_values():
    noon = datetime.datetime(2024, 2, 29, 12, 0, 0, 123456)
    same(1, 1, 2, 3, 4, 1.5, Decimal("-1.5"), "Alewife", b"\x00\x01\xff", noon)


def check_nulls():
    same(2, *[None] * 9)


def check_the_ends_of_each_range():
    most = Decimal("9" * 26 + "." + "9" * 12)
    late = datetime.datetime(9999, 12, 31, 23, 59, 59)
    early = datetime.datetime(1900, 1, 1)
    same(3, 127, 32767, 2**31 - 1, 2**63 - 1, 1.7e308, most, "é" * 100, bytes(range(256)), late)
    same(4, -127, -32767, -2**31 + 1, -2**63 + 1, -1.5e308, -most, "", b"", early)
    same(5, 0, 0, 0, 0, 5e-324, Decimal("0.000000000001"), "\x00\u20ac\U0001F687", b"\x00", early)


def check_what_does_not_fit_is_refused_by_name():
    row = [6, 1, 2, 3, 4, 1.5, Decimal(1), "text", b"raw", datetime.datetime(2024, 1, 1)]
    for position, kind, value, name in [
        (1, S.VOLTTYPE_INTEGER, 128, "tiny"),
        (2, S.VOLTTYPE_INTEGER, 2**15, "small"),
        (3, S.VOLTTYPE_BIGINT, 2**31, "whole"),
        (4, S.VOLTTYPE_STRING, "four", "big"),
        (7, S.VOLTTYPE_STRING, "x" * 101, "text"),
        (8, S.VOLTTYPE_VARBINARY, b"x" * 257, "raw"),
        (9, S.VOLTTYPE_STRING, "yesterday", "at"),
        (0, S.VOLTTYPE_INTEGER, None, "id"),
    ]:
        types, values = list(TYPES), list(row)
        types[position], values[position] = kind, value
        response = call("EVERY_TYPE.insert", types, values)
        refused(response, GRACEFUL_FAILURE, name)
    (table,) = succeeded(call("EVERY_TYPE.select", [S.VOLTTYPE_INTEGER], [6])).tables
    equal(table.tuples, [], "nothing was inserted")


def check_text_becomes_what_the_column_is():
    strings = [S.VOLTTYPE_STRING] * 10
    values = ["7", "1", "2", "3", "4", "1.5", "2.25", "x", "00ff", "2024-01-02 03:04:05.678901"]
    equal(scalar(call("EVERY_TYPE.insert", strings, values)), 1, "modified_tuples")
    (row,) = succeeded(call("EVERY_TYPE.select", [S.VOLTTYPE_INTEGER], [7])).tables[0].tuples
    equal(row[:8], [7, 1, 2, 3, 4, 1.5, Decimal("2.25"), "x"], "row")
    equal(bytes(row[8]), b"\x00\xff", "raw")
    equal(row[9], datetime.datetime(2024, 1, 2, 3, 4, 5, 678901), "at")


def check_an_abort_takes_its_writes_back():
    refused(call("InsertAndAbort", [S.VOLTTYPE_INTEGER, S.VOLTTYPE_STRING], [100, "not today"]),
            USER_ABORT, "not today")
    (table,) = succeeded(call("EVERY_TYPE.select", [S.VOLTTYPE_INTEGER], [100])).tables
    equal(table.tuples, [], "the row is not there")


def check_a_panic_is_an_error_and_not_the_end():
    refused(call("InsertAndPanic", [S.VOLTTYPE_INTEGER], [101]), UNEXPECTED_FAILURE)
    (table,) = succeeded(call("EVERY_TYPE.select", [S.VOLTTYPE_INTEGER], [101])).tables
    equal(table.tuples, [], "the row is not there")
    equal(succeeded(call("@Ping")).status, 1, "@Ping")


def check_a_transaction_over_all_partitions():
    everywhere = scalar(call("CountEverywhere"))
    counted = succeeded(call("@AdHoc", [S.VOLTTYPE_STRING], ["SELECT COUNT(*) FROM every_type"])).tables[0].tuples
    equal([[everywhere]], counted, "rows over all partitions")
    true(everywhere >= 6, f"{everywhere} rows")


def check_a_directed_procedure_needs_a_destination():
    refused(call("CountHere"), GRACEFUL_FAILURE)


checks.run(dict(globals()))
connection.close()
