-- A metro's card taps: stations, trains, cards, the history of every card, and what the decisions publish.

DROP PROCEDURE ProcessExit       IF EXISTS;
DROP PROCEDURE ValidateEntry     IF EXISTS;
DROP PROCEDURE RechargeCard      IF EXISTS;
DROP TOPIC TRAINTOPIC            IF EXISTS;
DROP TOPIC RECHARGE              IF EXISTS;
DROP TOPIC CARD_ALERT_EXPORT     IF EXISTS;
DROP TOPIC FRAUD                 IF EXISTS;
DROP TOPIC TRIPS                 IF EXISTS;
DROP VIEW card_export_stats      IF EXISTS;
DROP VIEW card_history_second    IF EXISTS;
DROP STREAM card_alert_export    IF EXISTS;
DROP STREAM fraud                IF EXISTS;
DROP STREAM trips                IF EXISTS;
DROP TABLE card_events           IF EXISTS;
DROP TABLE cards                 IF EXISTS;
DROP TABLE train_events          IF EXISTS;
DROP TABLE trains                IF EXISTS;
DROP TABLE stations              IF EXISTS;

-- The line --------------------------------------------------------------------------------------------------

CREATE TABLE stations (
  station_id     SMALLINT          NOT NULL,
  name           VARCHAR(25 BYTES),
  fare           SMALLINT          DEFAULT 250 NOT NULL, -- cents
  weight         INTEGER,                                -- weekday entries
  PRIMARY KEY (station_id)
);

CREATE TABLE trains (
  train_id       SMALLINT          NOT NULL,
  name           VARCHAR(25),
  PRIMARY KEY (train_id)
);

CREATE TABLE train_events (
  train_id       INTEGER           NOT NULL,
  station_id     INTEGER           NOT NULL,
  activity_type  TINYINT           NOT NULL, -- 0 arrival, 1 departure
  time           TIMESTAMP         NOT NULL,
  PRIMARY KEY (station_id, train_id, time)
);
PARTITION TABLE train_events ON COLUMN station_id;
CREATE INDEX train_events_by_station ON train_events (station_id, time);

-- Cards and their taps --------------------------------------------------------------------------------------

CREATE TABLE cards (
  card_id        INTEGER           NOT NULL,
  enabled        TINYINT           DEFAULT 1 NOT NULL,
  card_type      TINYINT           DEFAULT 0 NOT NULL, -- 0 pay per ride, 1 unlimited
  balance        INTEGER           DEFAULT 0 NOT NULL, -- cents
  expires        TIMESTAMP,
  name           VARCHAR(50),
  phone          VARCHAR(10),
  email          VARCHAR(50),
  notify         TINYINT           DEFAULT 0 NOT NULL, -- 0 none, 1 email, 2 text
  accepted_entries INTEGER         DEFAULT 0 NOT NULL HIDDEN, -- rides are numbered by it
  PRIMARY KEY (card_id)
);
PARTITION TABLE cards ON COLUMN card_id;

CREATE TABLE card_events (
  card_id        INTEGER           NOT NULL,
  date_time      TIMESTAMP         NOT NULL,
  station_id     SMALLINT          NOT NULL,
  activity_code  TINYINT           NOT NULL, -- 1 entry, 2 purchase, -1 exit
  amount         INTEGER           NOT NULL, -- cents
  accept         TINYINT           NOT NULL, -- 1 accepted, 0 rejected, -1 fraud
  ride           INTEGER           DEFAULT 0 NOT NULL HIDDEN -- n: entry n waits for its exit, -n: it had one
);
PARTITION TABLE card_events ON COLUMN card_id;
CREATE INDEX card_events_by_card ON card_events (card_id, date_time, activity_code);
CREATE INDEX card_events_by_station ON card_events (station_id, date_time, card_id);

CREATE VIEW card_history_second AS
  SELECT card_id, TRUNCATE(SECOND, date_time) AS second
  FROM card_events
  GROUP BY card_id, second;

-- What the decisions publish --------------------------------------------------------------------------------

CREATE STREAM card_alert_export PARTITION ON COLUMN card_id (
  card_id        INTEGER           NOT NULL,
  export_time    TIMESTAMP         NOT NULL,
  station_name   VARCHAR(25),
  name           VARCHAR(50),
  phone          VARCHAR(10),
  email          VARCHAR(50),
  notify         TINYINT           DEFAULT 0 NOT NULL,
  alert_message  VARCHAR(64)       NOT NULL
);

CREATE VIEW card_export_stats (card_id, station_name, rechargeCount) AS
  SELECT card_id, station_name, COUNT(*)
  FROM card_alert_export
  GROUP BY card_id, station_name;

CREATE STREAM fraud PARTITION ON COLUMN card_id (
  trans_id       VARCHAR           NOT NULL,
  card_id        INTEGER           NOT NULL,
  date_time      TIMESTAMP         NOT NULL,
  station        INTEGER           NOT NULL,
  activity_type  TINYINT           NOT NULL,
  amt            INTEGER           NOT NULL
);

CREATE STREAM trips PARTITION ON COLUMN card_id (
  trip_id        VARCHAR           NOT NULL,
  card_id        INTEGER           NOT NULL,
  entry_station  INTEGER           NOT NULL,
  entry_time     TIMESTAMP         NOT NULL,
  exit_station   INTEGER           NOT NULL,
  exit_time      TIMESTAMP         NOT NULL
);

CREATE PROCEDURE PARTITION ON TABLE cards COLUMN card_id PARAMETER 0 FROM CLASS metro.ValidateEntry;
CREATE PROCEDURE PARTITION ON TABLE cards COLUMN card_id PARAMETER 0 FROM CLASS metro.ProcessExit;
CREATE PROCEDURE PARTITION ON TABLE cards COLUMN card_id PARAMETER 0 FROM CLASS metro.RechargeCard;

CREATE TOPIC TRAINTOPIC EXECUTE PROCEDURE train_events.insert;
CREATE TOPIC RECHARGE EXECUTE PROCEDURE RechargeCard;
CREATE TOPIC USING STREAM CARD_ALERT_EXPORT PROPERTIES (topic.format=csv);
CREATE TOPIC USING STREAM FRAUD PROPERTIES (topic.format=csv, consumer.keys=TRANS_ID);
CREATE TOPIC USING STREAM TRIPS PROPERTIES (topic.format=csv, consumer.keys=TRIP_ID);
