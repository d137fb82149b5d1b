-- ValidateEntry for PostgreSQL: one function call and one transaction a tap.
-- Times are bigint milliseconds, which is cheaper than timestamps here. The contract's second index and its
-- view are left out, because ValidateEntry does not read them: an advantage given to PostgreSQL.

CREATE TABLE stations (station_id int PRIMARY KEY, name text NOT NULL, fare int NOT NULL);

CREATE TABLE cards (
    card_id int PRIMARY KEY,
    enabled smallint NOT NULL,
    card_type smallint NOT NULL,
    balance int NOT NULL,
    expires bigint,
    name text NOT NULL,
    phone text NOT NULL,
    email text NOT NULL,
    notify smallint NOT NULL
) WITH (fillfactor = 50);  -- room for the new balance on the same page: no index is touched by an update

CREATE TABLE card_events (
    date_time bigint NOT NULL,
    card_id int NOT NULL,
    amount int NOT NULL,
    station_id smallint NOT NULL,
    activity_code smallint NOT NULL,
    accept smallint NOT NULL
);
CREATE INDEX card_events_by_card ON card_events (card_id, date_time, activity_code);

CREATE TABLE card_alert_export (
    card_id int, export_time bigint, station_name text, name text, phone text, email text, notify smallint,
    alert_message text
);
CREATE TABLE fraud (
    trans_id text, card_id int, date_time bigint, station int, activity_type smallint, amt int
);

CREATE FUNCTION validate_entry(
    p_card_id int, p_time bigint, p_station_id int, p_activity smallint, p_amount int,
    OUT card_accepted smallint, OUT message text
) LANGUAGE plpgsql AS $$
DECLARE
    v_station_name text;
    v_fare int;
    v_card cards%ROWTYPE;
    v_outcome smallint := 0;
    v_amount int := p_amount;
    v_entries bigint;
    v_fraud boolean;
BEGIN
    SELECT name, fare INTO v_station_name, v_fare FROM stations WHERE station_id = p_station_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown station %', p_station_id;
    END IF;
    -- Two taps of one card must not be judged at the same time, or each would miss the other.
    SELECT * INTO v_card FROM cards WHERE card_id = p_card_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        message := 'Card Invalid';
    ELSIF v_card.enabled = 0 THEN
        message := 'Card Disabled';
    ELSIF v_card.card_type = 0 AND v_card.balance < v_fare THEN
        v_amount := 0;
        message := 'Card has insufficient balance: ' || v_card.balance / 100 || '.'
            || lpad((v_card.balance % 100)::text, 2, '0');
        IF v_card.notify <> 0 THEN
            INSERT INTO card_alert_export VALUES (p_card_id, p_time, v_station_name, v_card.name,
                v_card.phone, v_card.email, v_card.notify, 'Insufficient Balance');
        END IF;
    ELSIF v_card.card_type = 1 AND (v_card.expires IS NULL OR v_card.expires <= p_time) THEN
        message := 'Card Expired';
    ELSE
        -- The rules, here and not in a function of their own, whose call would cost a tenth. Counting
        -- distinct stations needs a sort, so that only cards with five entries in the hour pay for it.
        SELECT count(*) FILTER (WHERE date_time <= p_time), bool_or(date_time > p_time - 1000)
            INTO v_entries, v_fraud
            FROM card_events
            WHERE card_id = p_card_id AND activity_code = 1
              AND date_time > p_time - 3600000 AND date_time < p_time + 1000;
        IF v_entries >= 10 THEN
            v_fraud := true;
        ELSIF v_entries >= 5 AND NOT v_fraud THEN
            SELECT count(DISTINCT station_id) >= 5 INTO v_fraud
                FROM card_events
                WHERE card_id = p_card_id AND activity_code = 1
                  AND date_time > p_time - 3600000 AND date_time <= p_time;
        END IF;
        IF v_fraud THEN
            v_outcome := -1;
            message := 'Fraudulent transaction';
            INSERT INTO fraud
                VALUES (p_card_id || '_' || p_time, p_card_id, p_time, p_station_id, p_activity, p_amount);
        ELSIF v_card.card_type = 0 THEN
            v_outcome := 1;
            v_amount := v_fare;
            v_card.balance := v_card.balance - v_fare;
            UPDATE cards SET balance = v_card.balance WHERE card_id = p_card_id;
            message := 'Remaining Balance: ' || v_card.balance / 100 || '.'
                || lpad((v_card.balance % 100)::text, 2, '0');
        ELSE
            v_outcome := 1;
            message := 'Card Expires: ' || to_char(to_timestamp(v_card.expires / 1000.0) AT TIME ZONE 'UTC',
                'YYYY-MM-DD HH24:MI:SS.US');
        END IF;
    END IF;
    INSERT INTO card_events (date_time, card_id, amount, station_id, activity_code, accept)
        VALUES (p_time, p_card_id, v_amount, p_station_id, p_activity, v_outcome);
    card_accepted := CASE WHEN v_outcome = 1 THEN 1 ELSE 0 END;
END $$;
