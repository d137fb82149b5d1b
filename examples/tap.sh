#!/usr/bin/env bash
# A tap and a recharge over HTTP with curl. usage: examples/tap.sh 127.0.0.1:8080
set -euo pipefail
server=${1:-127.0.0.1:8080}

call() {
    curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' \
        --data "{\"parameters\": $2}" "http://$server/api/v1/procedures/$1"
}

# The first row of the first result table, without its brackets and quotes: [[1,"Remaining Balance: 7.50"]]
row() {
    sed -E 's/.*"rows":\[\[([^]]*)\].*/\1/; s/"//g'
}

# Parameters by name, or in order. An Idempotency-Key header makes a call safe to send again.
now_ms=$(date +%s%3N)
tap="{\"card_id\": 42, \"date_time\": $now_ms, \"station_id\": 4, \"activity_code\": 1, \"amount\": 0}"
IFS=, read -r accepted message < <(call ValidateEntry "$tap" | row; echo)
if [ "$accepted" = 1 ]; then echo "accepted: $message"; else echo "rejected: $message"; fi

call RechargeCard '[42, 500, 4]' >/dev/null
# CARDS has its balance in the fourth column.
IFS=, read -r _ _ _ balance _ < <(call CARDS.select '[42]' | row; echo)
printf 'balance: %d.%02d\n' $((balance / 100)) $((balance % 100))
