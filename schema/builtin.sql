-- The server's own tables. Each row belongs to the partition it is in, whatever its values. They come before
-- every other schema's; a change here is a change of format.

-- Replies of calls that had an identity.
CREATE TABLE TOLLGATE_SESSIONS (
  IDENTITY       VARBINARY(640)      NOT NULL,
  AT             TIMESTAMP           NOT NULL,
  PARAMETERS     BIGINT              NOT NULL,
  REPLY          VARBINARY(1048576)  NOT NULL,
  PRIMARY KEY (IDENTITY)
);
CREATE INDEX TOLLGATE_SESSIONS_AT ON TOLLGATE_SESSIONS (AT);

-- Topics that were made while the server ran; in partition 0.
CREATE TABLE TOLLGATE_TOPICS (
  NAME           VARCHAR(249 BYTES)  NOT NULL,
  ID             VARBINARY(16)       NOT NULL,
  PARTITIONS     INTEGER             NOT NULL,
  CONFIGS        VARCHAR(65536 BYTES) NOT NULL,  -- a JSON object
  AT             TIMESTAMP           NOT NULL,
  PRIMARY KEY (NAME)
);

-- One partition of a topic whose records are kept as batches.
CREATE TABLE TOLLGATE_LOGS (
  TOPIC          BIGINT              NOT NULL,
  PART           INTEGER             NOT NULL,
  FIRST_OFFSET   BIGINT              NOT NULL,
  NEXT_OFFSET    BIGINT              NOT NULL,
  BYTES          BIGINT              NOT NULL,
  PRIMARY KEY (TOPIC, PART)
);

-- Its batches. Offsets and times are the log's; inside the bytes they may be the producer's.
CREATE TABLE TOLLGATE_BATCHES (
  TOPIC          BIGINT              NOT NULL,
  PART           INTEGER             NOT NULL,
  NEXT_OFFSET    BIGINT              NOT NULL,  -- behind the batch's last record
  BASE_OFFSET    BIGINT              NOT NULL,
  MAX_TIME       TIMESTAMP           NOT NULL,
  BATCH          VARBINARY(1048576)  NOT NULL,
  PRIMARY KEY (TOPIC, PART, NEXT_OFFSET)
);
CREATE INDEX TOLLGATE_BATCHES_IN_ORDER ON TOLLGATE_BATCHES (TOPIC, PART, NEXT_OFFSET);

-- What is known here of idempotent producers: the last batches of each, in each partition of a topic.
CREATE TABLE TOLLGATE_PRODUCERS (
  TOPIC          BIGINT              NOT NULL,
  PART           INTEGER             NOT NULL,
  PRODUCER       BIGINT              NOT NULL,
  EPOCH          SMALLINT            NOT NULL,
  AT             TIMESTAMP           NOT NULL,
  BATCHES        VARBINARY(80)       NOT NULL,
  PRIMARY KEY (TOPIC, PART, PRODUCER)
) USING TTL 24 HOURS ON COLUMN AT;

-- Consumer groups, each in the partition of its name.
CREATE TABLE TOLLGATE_GROUPS (
  GROUP_ID       VARCHAR(249 BYTES)  NOT NULL,
  STATE          VARBINARY(1048576)  NOT NULL,
  PRIMARY KEY (GROUP_ID)
);

CREATE TABLE TOLLGATE_OFFSETS (
  GROUP_ID       VARCHAR(249 BYTES)  NOT NULL,
  TOPIC          VARCHAR(249 BYTES)  NOT NULL,
  PART           INTEGER             NOT NULL,
  NEXT_OFFSET    BIGINT              NOT NULL,
  LEADER_EPOCH   INTEGER             NOT NULL,
  METADATA       VARCHAR(4096 BYTES) NOT NULL,
  AT             TIMESTAMP           NOT NULL,
  PRIMARY KEY (GROUP_ID, TOPIC, PART)
);
CREATE INDEX TOLLGATE_OFFSETS_OF_GROUP ON TOLLGATE_OFFSETS (GROUP_ID, TOPIC, PART);

-- How far each export has come with the stream's rows of this partition.
CREATE TABLE TOLLGATE_EXPORTS (
  NAME           VARCHAR(128 BYTES)  NOT NULL,
  STREAM         VARCHAR(249 BYTES)  NOT NULL,
  NEXT_OFFSET    BIGINT              NOT NULL,
  AT             TIMESTAMP           NOT NULL,
  PRIMARY KEY (NAME, STREAM)
);

-- Numbers that are given out once: producer ids, schema ids; in partition 0.
CREATE TABLE TOLLGATE_COUNTERS (
  NAME           VARCHAR(64 BYTES)   NOT NULL,
  NEXT_NUMBER    BIGINT              NOT NULL,
  PRIMARY KEY (NAME)
);

-- What the schema registry was told, in order; in partition 0.
CREATE TABLE TOLLGATE_SCHEMAS (
  CHANGE_NUMBER  BIGINT              NOT NULL,
  CHANGE         VARBINARY(1048576)  NOT NULL,
  PRIMARY KEY (CHANGE_NUMBER)
);
CREATE INDEX TOLLGATE_SCHEMAS_IN_ORDER ON TOLLGATE_SCHEMAS (CHANGE_NUMBER);
