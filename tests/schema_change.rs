//! A data directory that goes on with another schema: with one that continues its own, and with no other.

use std::{fs, path::Path, sync::Arc};
use tollgate::{
    client::{Answer, Connection},
    config::Config,
    node::Node,
};
use tollgate_procedures::{Abort, Procedure, Registry, Tx};
use tollgate_schema::{typed::Access as _, value::Value};

const BEFORE: &str = "
    CREATE TABLE cards (card INTEGER NOT NULL, cents BIGINT NOT NULL, PRIMARY KEY (card));
    PARTITION TABLE cards ON COLUMN card;
    CREATE TABLE taps (card INTEGER NOT NULL, at TIMESTAMP NOT NULL, station SMALLINT NOT NULL);
    PARTITION TABLE taps ON COLUMN card;
    CREATE INDEX taps_by_card ON taps (card, at);
    CREATE TABLE stations (station SMALLINT NOT NULL, PRIMARY KEY (station));
    CREATE STREAM alerts PARTITION ON COLUMN card (card INTEGER NOT NULL);
    CREATE VIEW alert_counts (card, n) AS SELECT card, COUNT(*) FROM alerts GROUP BY card;";

const MORE: &str = "
    CREATE TABLE devices (device VARCHAR(20) NOT NULL, card INTEGER NOT NULL, PRIMARY KEY (device));
    PARTITION TABLE devices ON COLUMN device;
    CREATE VIEW station_taps (station, n, last) AS SELECT station, COUNT(*), MAX(at) FROM taps GROUP BY station;
    CREATE VIEW card_sums (n, cents) AS SELECT card, SUM(cents) FROM cards GROUP BY card;
    CREATE STREAM news (text VARCHAR(20) NOT NULL);
    CREATE VIEW news_counts (text, n) AS SELECT text, COUNT(*) FROM news GROUP BY text;
    CREATE TABLE rates (id INTEGER NOT NULL, PRIMARY KEY (id));
    CREATE INDEX cards_by_cents ON cards (cents);";

fn cents(tx: &mut Tx<'_>, card: i32) -> Result<i64, Abort> {
    let cards = tx.store().catalog().find("cards").expect("it is declared");
    let id = tx.store().find_int(cards, i64::from(card)).ok_or_else(|| Abort::user("no card"))?;
    Ok(tx.store().row(cards, id).integer(4, 8))
}

struct Server {
    node: Node,
    connection: Connection,
}

impl Server {
    fn start(directory: &Path, ddl: &str) -> anyhow::Result<Server> {
        let mut config = Config { data_dir: directory.join("data"), partitions: 3, ..Config::default() };
        config.listen.volt.set_port(0);
        config.listen.http.set_port(0);
        config.listen.kafka.set_port(0);
        config.limits.disk_free_bytes = 0;
        config.log.segment_bytes = 1 << 20;
        let procedures = [Procedure::single("Cents", ["card"], cents).read_only()];
        let registry = Registry::new().schema("test", ddl, procedures)?;
        let node = Node::start(config, Arc::new(registry))?;
        let connection = Connection::open(&node.volt_address.to_string().parse().expect("an address"))?;
        Ok(Server { node, connection })
    }

    fn call(&mut self, procedure: &str, parameters: &[Value]) -> Answer {
        self.connection.call(procedure, parameters).expect("the server answers")
    }

    /// The rows that a query finds, as text.
    fn sql(&mut self, text: &str) -> Vec<String> {
        let answer = self.call("@AdHoc", &[Value::Varchar(text.to_string())]);
        assert!(answer.is_success(), "{text}: {}", answer.status_text);
        let rows = answer.into_first_table().rows.into_iter();
        rows.map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
    }

    /// Taps and alerts of cards from this number on, ten of them.
    fn fill(&mut self, first: i32) {
        for card in first..first + 10 {
            self.sql(&format!("INSERT INTO cards VALUES ({card}, {})", 100 * card));
            self.sql(&format!("INSERT INTO taps VALUES ({card}, '2024-01-01 00:00:00', {})", card % 3));
            self.sql(&format!("INSERT INTO alerts VALUES ({card})"));
        }
    }

    fn snapshot(&self) {
        self.node.shared.take_snapshot().expect("it is asked").expect("it succeeds");
    }

    fn stop(self) {
        self.node.stop();
    }
}

/// What was there before has the same rows, and what is new counts them too.
fn check(server: &mut Server, cards: i32) {
    assert_eq!(server.sql("SELECT COUNT(*) FROM cards"), [cards.to_string()]);
    assert_eq!(server.sql("SELECT SUM(n) FROM alert_counts"), [cards.to_string()]);
    assert_eq!(server.sql("SELECT SUM(n) FROM station_taps"), [cards.to_string()]);
    let taps = server.sql("SELECT station, COUNT(*) FROM taps GROUP BY station ORDER BY station");
    assert_eq!(
        server.sql("SELECT station, SUM(n) FROM station_taps GROUP BY station ORDER BY station"),
        taps
    );
    assert_eq!(server.sql("SELECT SUM(cents) FROM card_sums"), server.sql("SELECT SUM(cents) FROM cards"));
    assert_eq!(server.sql("SELECT card FROM cards WHERE cents = 500"), ["5"]);
    let answer = server.call("Cents", &[Value::Integer(5)]);
    assert_eq!(answer.into_first_table().rows, [[Value::BigInt(500)]]);
}

/// What follows on a directory that was filled, without and with a snapshot of it.
fn without_and_with_a_snapshot(follows: impl Fn(&Path, Server, bool)) {
    for with_snapshot in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let mut server = Server::start(directory.path(), BEFORE).unwrap();
        server.fill(0);
        if with_snapshot {
            server.snapshot();
        }
        follows(directory.path(), server, with_snapshot);
    }
}

#[test]
fn new_tables_streams_and_views_come_behind_the_old() {
    without_and_with_a_snapshot(|directory, mut server, with_snapshot| {
        server.fill(10);
        if with_snapshot {
            server.snapshot();
        }
        server.fill(20);
        server.stop();

        let longer = [BEFORE, MORE].concat();
        let mut server = Server::start(directory, &longer).unwrap();
        check(&mut server, 30);
        server.fill(30);
        server.sql("INSERT INTO devices VALUES ('phone', 5)");
        server.sql("INSERT INTO rates VALUES (7)");
        server.sql("INSERT INTO news VALUES ('open')");
        check(&mut server, 40);
        server.stop();
        // Blocks of both schemas lie behind the snapshot, which is of the old one, if there is any.
        let mut server = Server::start(directory, &longer).unwrap();
        check(&mut server, 40);
        server.snapshot();
        server.fill(40);
        server.stop();
        // Snapshots of both, and the newest one damaged: the old one and all behind it.
        if with_snapshot {
            for entry in fs::read_dir(directory.join("data/snapshots")).unwrap() {
                let path = entry.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                let is_newest = String::from_utf8_lossy(&bytes).contains("DEVICES");
                if is_newest {
                    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
                }
            }
        }
        let mut server = Server::start(directory, &longer).unwrap();
        assert_eq!(server.node.shared.recovery.lock().snapshots_refused, if with_snapshot { 3 } else { 0 });
        check(&mut server, 50);
        assert_eq!(server.sql("SELECT card FROM devices WHERE device = 'phone'"), ["5"]);
        assert_eq!(server.sql("SELECT COUNT(*) FROM rates"), ["1"]);
        assert_eq!(server.sql("SELECT n FROM news_counts"), ["1"]);
        server.stop();
    });
}

#[test]
fn any_other_schema_is_refused_with_what_differs() {
    without_and_with_a_snapshot(|directory, server, _| {
        server.stop();
        let refused = |ddl: &str, expected: &str| {
            let error = Server::start(directory, ddl).err().expect("refused");
            let text = format!("{error:#}");
            assert!(text.contains("written with another schema") && text.contains(expected), "{text}");
        };
        let changed = |old: &str, new: &str| {
            assert!(BEFORE.contains(old), "{old}");
            BEFORE.replace(old, new)
        };
        refused(&changed("cents BIGINT", "cents INTEGER"), "CENTS BIGINT NOT NULL, it is CENTS INTEGER");
        refused(&changed("cents BIGINT NOT NULL,", "cents BIGINT NOT NULL, name FLOAT,"), "new column, NAME");
        refused(&["CREATE TABLE first (a FLOAT);", BEFORE].concat(), "table CARDS was moved, in its place");
        let index = "CREATE INDEX taps_by_card ON taps (card, at);";
        refused(&changed(index, ""), "rows of table TAPS are kept in another way");
        let over_stream = "CREATE VIEW firsts AS SELECT card, COUNT(*) FROM alerts GROUP BY card;";
        refused(&[BEFORE, over_stream].concat(), "view FIRSTS is over a stream that was there before it");
        // Nothing of that changed anything.
        let mut server = Server::start(directory, &[BEFORE, MORE].concat()).unwrap();
        check(&mut server, 10);
        server.sql("INSERT INTO rates VALUES (1)");
        server.stop();
        refused(BEFORE, "table DEVICES is gone");
    });
}
