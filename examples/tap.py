"""A tap and a recharge through VoltDB's Python client.

    pip install voltdbclient
    python examples/tap.py 21212
"""

import sys
import time

from voltclient import VoltClient, VoltType

CARD, HARVARD, ENTRY = 42, 4, 1

with VoltClient(hosts=["127.0.0.1"], port=int(sys.argv[1])) as client:
    tap = client.call(
        "ValidateEntry",
        [VoltType.INTEGER, VoltType.BIGINT, VoltType.INTEGER, VoltType.TINYINT, VoltType.INTEGER],
        [CARD, int(time.time() * 1000), HARVARD, ENTRY, 0],
    )
    # 1 is success; anything else says in its text what was refused, and nothing was changed.
    if tap.status != 1:
        sys.exit(tap.statusString)
    accepted, message = tap.tables[0].tuples[0]
    print("accepted:" if accepted else "rejected:", message)

    client.call("RechargeCard", [VoltType.INTEGER] * 3, [CARD, 500, HARVARD])
    card = client.call("CARDS.select", [VoltType.INTEGER], [CARD]).tables[0]
    balance = card.tuples[0][[column.name for column in card.columns].index("BALANCE")]
    print(f"balance: {balance / 100:.2f}")
