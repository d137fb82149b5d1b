//! Logins, honest ones and others.

use super::keys::Hash;
use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{Rng, SeedableRng, rngs::SmallRng};

const SECRET: &[u8] = b"a node's secret of many bytes";
const SCRAM: [Mechanism; 2] = [Mechanism::ScramSha256, Mechanism::ScramSha512];

fn hash_of(mechanism: Mechanism) -> Hash {
    if mechanism == Mechanism::ScramSha256 { Hash::Sha256 } else { Hash::Sha512 }
}

fn refused(step: Step) -> SaslError {
    match step {
        Step::Refused { reason, .. } => reason,
        other => panic!("not refused: {other:?}"),
    }
}

fn continued(step: Step) -> String {
    match step {
        Step::Continue(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("no challenge: {other:?}"),
    }
}

/// A client's side, written from the RFC.
struct Client {
    hash: Hash,
    header: &'static str,
    bare: String,
    password: String,
}

impl Client {
    fn new(mechanism: Mechanism, header: &'static str, user: &str, password: &str) -> Client {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Client {
            hash: hash_of(mechanism),
            header,
            bare: format!("n={user},r=clientnonce"),
            password: password.into(),
        }
    }

    fn first(&self) -> Vec<u8> {
        format!("{}{}", self.header, self.bare).into_bytes()
    }

    /// The last message, and what the server must answer.
    fn last(&self, challenge: &str) -> (String, String) {
        self.last_with_nonce(challenge, challenge.split(',').next().unwrap())
    }

    fn last_with_nonce(&self, challenge: &str, nonce: &str) -> (String, String) {
        let fields: Vec<&str> = challenge.split(',').collect();
        let salt = STANDARD.decode(&fields[1][2..]).unwrap();
        let salted =
            self.hash.salted_password(self.password.as_bytes(), &salt, fields[2][2..].parse().unwrap());
        let without = format!("c={},{nonce}", STANDARD.encode(self.header));
        let said = format!("{},{challenge},{without}", self.bare);
        let client_key = self.hash.hmac(&salted, &[b"Client Key"]);
        let signature = self.hash.hmac(&self.hash.digest(&client_key), &[said.as_bytes()]);
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let server_key = self.hash.hmac(&salted, &[b"Server Key"]);
        let answer = STANDARD.encode(self.hash.hmac(&server_key, &[said.as_bytes()]));
        (format!("{without},p={}", STANDARD.encode(proof)), format!("v={answer}"))
    }
}

/// RFC 7677, section 3.
#[test]
fn the_example_of_the_rfc() {
    let mut users = Users::new(SECRET, []).unwrap();
    users
        .add_with_salt("user", "pencil", &STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(), 4096)
        .unwrap();
    let mut exchange = Exchange::with_nonce_text(Mechanism::ScramSha256, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let challenge = continued(exchange.step(&users, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
    assert_eq!(challenge, format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
    let last = format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    let bytes = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_vec();
    assert_eq!(exchange.step(&users, last.as_bytes()), Step::Done { user: "user".into(), bytes });
    assert_eq!(refused(exchange.step(&users, last.as_bytes())), SaslError::Over);
}

#[test]
fn random_users_get_in_by_their_own_password_only() {
    let mut random = SmallRng::seed_from_u64(7);
    let letters: Vec<char> = "ab,=\"'\\ é漢🦀2C3D\n".chars().collect();
    for round in 0..12 {
        let mut text = || -> String {
            let length = random.random_range(1..20);
            (0..length).map(|_| letters[random.random_range(0..letters.len())]).collect()
        };
        let (user, password, other) = (text(), text(), text() + "x");
        let users = Users::new(SECRET, [(user.as_str(), password.as_str())]).unwrap();
        for mechanism in SCRAM {
            for header in ["n,,", "y,,"] {
                let client = Client::new(mechanism, header, &user, &password);
                let mut exchange = Exchange::new(mechanism, [round; NONCE_BYTES]);
                let (last, answer) = client.last(&continued(exchange.step(&users, &client.first())));
                let done = Step::Done { user: user.clone(), bytes: answer.into_bytes() };
                assert_eq!(exchange.step(&users, last.as_bytes()), done);
            }
            // A wrong password and an unknown user get the same answers.
            let answers = [(&user, &other), (&other, &password)].map(|(user, password)| {
                let client = Client::new(mechanism, "n,,", user, password);
                let mut exchange = Exchange::new(mechanism, [round; NONCE_BYTES]);
                let challenge = continued(exchange.step(&users, &client.first()));
                let (last, _) = client.last(&challenge);
                match exchange.step(&users, last.as_bytes()) {
                    Step::Refused { reason: SaslError::Credentials { .. }, bytes } => {
                        (challenge.len(), bytes)
                    }
                    step => panic!("{step:?}"),
                }
            });
            assert_eq!(answers[0], answers[1]);
            assert_eq!(answers[0].1, b"e=invalid-proof");
        }
        let plain = |message: String| {
            Exchange::new(Mechanism::Plain, [0; NONCE_BYTES]).step(&users, message.as_bytes())
        };
        let done = Step::Done { user: user.clone(), bytes: Vec::new() };
        assert_eq!(plain(format!("\0{user}\0{password}")), done);
        assert_eq!(plain(format!("{user}\0{user}\0{password}")), done);
        let reason = SaslError::OtherIdentity { user: user.clone() };
        assert_eq!(refused(plain(format!("{other}\0{user}\0{password}"))), reason);
        assert_eq!(
            refused(plain(format!("\0{user}\0{other}"))),
            SaslError::Credentials { user: user.clone() }
        );
        assert_eq!(refused(plain(format!("\0{other}\0{password}"))), SaslError::Credentials { user: other });
    }
}

/// Salts stay from start to start, also those of nobody; secrets, hashes and names all change them.
#[test]
fn salts_are_stable() {
    let challenge = |secret: &[u8], mechanism, user: &str| {
        let users = Users::new(secret, [("ann", "pencil")]).unwrap();
        let first = format!("n,,n={user},r=x");
        continued(Exchange::new(mechanism, [1; NONCE_BYTES]).step(&users, first.as_bytes()))
    };
    let [short, long] = SCRAM;
    let mut seen = std::collections::BTreeSet::new();
    for (secret, mechanism, user) in [
        (SECRET, short, "ann"),
        (SECRET, short, "bob"),
        (SECRET, long, "ann"),
        (b"x", short, "ann"),
        (b"x", short, "bob"),
    ] {
        let first = challenge(secret, mechanism, user);
        assert_eq!(first, challenge(secret, mechanism, user));
        assert!(seen.insert(first));
    }
}

#[test]
fn truncated_and_changed_messages_do_not_authenticate() {
    let users = Users::new(SECRET, [("ann", "pencil")]).unwrap();
    let mut random = SmallRng::seed_from_u64(3);
    for mechanism in SCRAM {
        let client = Client::new(mechanism, "n,,", "ann", "pencil");
        let start = || Exchange::new(mechanism, [5; NONCE_BYTES]);
        let first = client.first();
        let challenge = continued(start().step(&users, &first));
        let last = client.last(&challenge).0.into_bytes();
        let mut attempts: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        attempts.extend((0..first.len()).map(|length| (first[..length].to_vec(), last.clone())));
        attempts.extend((0..last.len()).map(|length| (first.clone(), last[..length].to_vec())));
        for _ in 0..2000 {
            let (mut first, mut last) = (first.clone(), last.clone());
            let changed = if random.random() { &mut first } else { &mut last };
            let at = random.random_range(0..changed.len());
            changed[at] ^= random.random_range(1..=255u8);
            attempts.push((first, last));
        }
        for (first, last) in attempts {
            let mut exchange = start();
            let step = exchange.step(&users, &first);
            assert!(!matches!(step, Step::Done { .. }));
            let step = exchange.step(&users, &last);
            assert!(matches!(step, Step::Refused { .. }), "{step:?}");
        }
        // The same proof in an exchange with another nonce.
        let mut exchange = Exchange::new(mechanism, [6; NONCE_BYTES]);
        exchange.step(&users, &first);
        assert_eq!(refused(exchange.step(&users, &last)), SaslError::Nonce);
        let mut exchange = Exchange::new(mechanism, [6; NONCE_BYTES]);
        let other = continued(exchange.step(&users, &first));
        let nonce = |text: &str| text.split(',').next().unwrap().to_owned();
        let replayed = String::from_utf8(last).unwrap().replace(&nonce(&challenge), &nonce(&other));
        let reason = SaslError::Credentials { user: "ann".into() };
        assert_eq!(refused(exchange.step(&users, replayed.as_bytes())), reason);
    }
}

#[test]
fn old_librdkafkas_double_their_nonce() {
    let users = Users::new(SECRET, [("ann", "pencil")]).unwrap();
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let client = Client::new(mechanism, "n,,", "ann", "pencil");
        let finish = |change: fn(&str) -> String| {
            let mut exchange = Exchange::new(mechanism, [5; NONCE_BYTES]);
            let challenge = continued(exchange.step(&users, &client.first()));
            let nonce = change(&challenge.split(',').next().unwrap()["r=".len()..]);
            let (last, answer) = client.last_with_nonce(&challenge, &format!("r={nonce}"));
            (exchange.step(&users, last.as_bytes()), answer)
        };
        let (step, answer) = finish(|nonce| format!("clientnonce{nonce}"));
        let bytes = answer.into_bytes();
        assert_eq!(step, Step::Done { user: "ann".into(), bytes });
        // Nothing else passes, whatever it proves.
        let others: [fn(&str) -> String; 5] = [
            |nonce| format!("clientnonceclientnonce{nonce}"),
            |nonce| format!("{nonce}{nonce}"),
            |nonce| nonce["clientnonce".len()..].to_string(),
            |nonce| format!("x{nonce}"),
            |_| "clientnonce".to_string(),
        ];
        for other in others {
            assert_eq!(refused(finish(other).0), SaslError::Nonce);
        }
    }
}

#[test]
fn every_refusal_names_its_field() {
    let users = Users::new(SECRET, [("ann", "pencil")]).unwrap();
    let long = "x".repeat(MESSAGE_BYTES_MAX);
    for (message, text) in [
        ("", "gs2-header: missing"),
        ("p=tls-unique,,n=ann,r=x", "gs2-header: channel binding is not supported"),
        ("z,,n=ann,r=x", "gs2-header: a character"),
        ("n,a=bob,n=ann,r=x", "authzid: user \"ann\""),
        ("n,b=ann,n=ann,r=x", "authzid: missing"),
        ("n,,n=,r=x", "username: empty"),
        ("n,,n=a=2c,r=x", "username: \"=\""),
        ("n,,n=a\0,r=x", "username: a character"),
        ("n,,m=1,n=ann,r=x", "extension: mandatory"),
        ("n,,n=ann", "nonce: missing"),
        ("n,,n=ann,r=a b", "nonce: a character"),
        ("n,,n=ann,r=x,tokenauth=true", "extension: delegation tokens"),
        ("n,,n=ann,r=x,what", "extension: not an attribute"),
        (&format!("n,,n={},r=x", &long[..NAME_BYTES_MAX + 1]), "username: 257 bytes"),
        (&format!("n,,n=ann,r={}", &long[..513]), "nonce: 513 bytes"),
        (&format!("n,,n=ann,r={long}"), "message: 4107 bytes"),
    ] {
        let mut exchange = Exchange::new(Mechanism::ScramSha256, [0; NONCE_BYTES]);
        let reason = refused(exchange.step(&users, message.as_bytes())).to_string();
        assert!(reason.starts_with(text), "{message}: {reason}");
    }
    let mut exchange = Exchange::new(Mechanism::ScramSha512, [0; NONCE_BYTES]);
    continued(exchange.step(&users, b"n,a=ann,n=ann,r=x,e=1"));
    assert_eq!(refused(exchange.step(&users, b"c=biws,r=x,p=AA==")), SaslError::ChannelBindingChanged);
    for (message, text) in
        [("ann", "authcid: missing"), ("\0ann\0", "passwd: empty"), ("\0a\0b\0c", "message: 1 f")]
    {
        let step = Exchange::new(Mechanism::Plain, [0; NONCE_BYTES]).step(&users, message.as_bytes());
        assert!(refused(step).to_string().starts_with(text));
    }
}

#[test]
fn impossible_users_are_refused() {
    let error = |name: &str, password: &str| Users::new(SECRET, [(name, password)]).unwrap_err().to_string();
    assert_eq!(error("", "x"), "name: empty");
    assert!(error("a\0", "x").contains("NUL"));
    assert!(error("a", "").contains("empty"));
    assert!(error("a", &"x".repeat(PASSWORD_BYTES_MAX + 1)).contains("1025 bytes"));
    assert!(Users::new(SECRET, [("a", "x"), ("a", "y")]).unwrap_err().to_string().contains("twice"));
    assert!(!format!("{:?}", Users::new(SECRET, [("a", "pencil")]).unwrap()).contains("pencil"));
}

#[test]
fn truncated_and_changed_plain_messages_do_not_authenticate() {
    let users = Users::new(SECRET, [("ann", "pencil")]).unwrap();
    let mut random = SmallRng::seed_from_u64(4);
    let whole = b"ann\0ann\0pencil";
    let step = |bytes: &[u8]| Exchange::new(Mechanism::Plain, [0; NONCE_BYTES]).step(&users, bytes);
    assert!(matches!(step(whole), Step::Done { .. }));
    for length in 0..whole.len() {
        refused(step(&whole[..length]));
    }
    for _ in 0..2000 {
        let mut changed = whole.to_vec();
        changed[random.random_range(0..whole.len())] ^= random.random_range(1..=255u8);
        refused(step(&changed));
    }
}
