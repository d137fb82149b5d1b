//! The part of the configuration about Kafka's clients, and who may come in: `[kafka]`, `[kafka.tls]`,
//! `[[users]]`. A password is in no text that is made here.

use crate::wire::kafka::sasl::Mechanism;
use serde::{Deserialize, Deserializer, de};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

/// `[kafka]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port` that clients are told; empty: the address by which they came.
    pub advertised: String,
    /// Topics that a client names and that are not there are made, as opaque ones.
    pub auto_create_topics: bool,
    /// Of a topic that is made without a number.
    pub topic_partitions: i32,
    /// How long a new group waits for more members.
    pub group_initial_rebalance_delay_ms: u32,
    /// Mechanisms that clients may choose from; empty: clients need not say who they are.
    pub sasl: Vec<SaslName>,
    /// PLAIN sends passwords as they are; without TLS it is refused unless this is set.
    pub plain_without_tls: bool,
    pub tls: TlsConfig,
    /// Topics beside those that the schema declares.
    pub topics: Vec<TopicConfig>,
}

/// One of `[[kafka.topics]]`: a plain topic, unless it says what its records do or where they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicConfig {
    pub name: String,
    /// The procedure that each record calls.
    pub procedure: Option<String>,
    /// The stream whose rows are read.
    pub stream: Option<String>,
    /// Of a plain topic; the others have those of the data.
    pub partitions: Option<i32>,
    /// As in the schema: `topic.format`, `on_error` and their like.
    pub properties: BTreeMap<String, String>,
    /// Kafka's, of a plain topic: `retention.ms`, `cleanup.policy` and their like.
    pub settings: BTreeMap<String, String>,
}

impl Default for KafkaConfig {
    fn default() -> KafkaConfig {
        KafkaConfig {
            advertised: String::new(),
            auto_create_topics: false,
            topic_partitions: 4,
            group_initial_rebalance_delay_ms: 0,
            sasl: Vec::new(),
            plain_without_tls: false,
            tls: TlsConfig::default(),
            topics: Vec::new(),
        }
    }
}

/// `[kafka.tls]`: without a certificate, connections are not encrypted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// A PEM file: the server's certificate first, then those it was signed by.
    pub certificate: PathBuf,
    /// A PEM file with the certificate's private key.
    pub key: PathBuf,
    /// A PEM file with the authorities of client certificates.
    pub client_ca: PathBuf,
    pub client_certificates: ClientCertificateRule,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificateRule {
    #[default]
    None,
    Optional,
    Required,
}

/// One of `[[users]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserConfig {
    pub name: String,
    pub password: Password,
}

/// A mechanism, as a configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaslName(pub Mechanism);

/// Shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("\"***\"")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Password, D::Error> {
        // serde's own error would show the value that is no string.
        String::deserialize(deserializer)
            .map(Password)
            .map_err(|_| de::Error::custom("password: a string in quotes is expected"))
    }
}

impl<'de> Deserialize<'de> for SaslName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SaslName, D::Error> {
        let name = String::deserialize(deserializer)?;
        Mechanism::of_name(&name).map(SaslName).ok_or_else(|| {
            de::Error::custom(format_args!(
                "unknown mechanism {name:?}, expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"
            ))
        })
    }
}

impl KafkaConfig {
    /// Host and port of `advertised`.
    pub fn advertised_parts(&self) -> Option<(&str, u16)> {
        let (host, port) = self.advertised.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
    }
}

impl TopicConfig {
    /// Names are checked where all topics are known.
    fn check(&self) -> anyhow::Result<()> {
        let (name, is_plain) = (&self.name, self.procedure.is_none() && self.stream.is_none());
        anyhow::ensure!(
            self.procedure.is_none() || self.stream.is_none(),
            "kafka.topics: {name:?} has a procedure and a stream"
        );
        anyhow::ensure!(
            is_plain || self.partitions.is_none(),
            "kafka.topics: {name:?} has as many partitions as the data"
        );
        anyhow::ensure!(
            is_plain || self.settings.is_empty(),
            "kafka.topics: settings are for plain topics, which {name:?} is not"
        );
        anyhow::ensure!(
            !is_plain || self.properties.is_empty(),
            "kafka.topics: {name:?} is a plain topic, which has no properties"
        );
        let is_possible = self.partitions.is_none_or(|count| (1..=1000).contains(&count));
        anyhow::ensure!(is_possible, "kafka.topics: partitions of {name:?} must be from 1 to 1000");
        Ok(())
    }
}

impl TlsConfig {
    pub fn is_on(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    fn check(&self) -> anyhow::Result<()> {
        let has_key = !self.key.as_os_str().is_empty();
        let has_authorities = !self.client_ca.as_os_str().is_empty();
        let asks = self.client_certificates != ClientCertificateRule::None;
        anyhow::ensure!(has_key || !self.is_on(), "kafka.tls.key is missing, kafka.tls.certificate is set");
        anyhow::ensure!(self.is_on() || !has_key, "kafka.tls.certificate is missing, kafka.tls.key is set");
        anyhow::ensure!(self.is_on() || !asks, "kafka.tls.client_certificates needs kafka.tls.certificate");
        anyhow::ensure!(has_authorities || !asks, "kafka.tls.client_certificates needs kafka.tls.client_ca");
        anyhow::ensure!(
            asks || !has_authorities,
            "kafka.tls.client_ca is set, but kafka.tls.client_certificates is \"none\""
        );
        Ok(())
    }
}

/// What serde cannot check. What is wrong with a single user's name or password, `Users::new` says.
pub(super) fn check(kafka: &KafkaConfig, users: &[UserConfig]) -> anyhow::Result<()> {
    kafka.tls.check()?;
    anyhow::ensure!(
        (1..=1000).contains(&kafka.topic_partitions),
        "kafka.topic_partitions must be from 1 to 1000"
    );
    anyhow::ensure!(
        kafka.advertised.is_empty() || kafka.advertised_parts().is_some(),
        "kafka.advertised must be host:port, not {:?}",
        kafka.advertised
    );
    kafka.topics.iter().try_for_each(TopicConfig::check)?;
    let mut names = BTreeSet::new();
    for user in users {
        anyhow::ensure!(names.insert(&user.name), "users: {:?} is there twice", user.name);
        anyhow::ensure!(!user.name.is_empty(), "users: a name is empty");
        anyhow::ensure!(
            !user.password.reveal().is_empty(),
            "users: the password of {:?} is empty",
            user.name
        );
    }
    anyhow::ensure!(
        kafka.sasl.is_empty() || !users.is_empty(),
        "kafka.sasl is set, but there are no [[users]]"
    );
    for (index, name) in kafka.sasl.iter().enumerate() {
        anyhow::ensure!(!kafka.sasl[..index].contains(name), "kafka.sasl: {} is there twice", name.0.name());
    }
    anyhow::ensure!(
        kafka.tls.is_on() || kafka.plain_without_tls || !kafka.sasl.contains(&SaslName(Mechanism::Plain)),
        "kafka.sasl: PLAIN sends passwords unencrypted; set [kafka.tls] or kafka.plain_without_tls = true"
    );
    Ok(())
}

/// An error's line and message, without the line's text, which toml's own display shows: there may be a
/// password in it.
pub(super) fn parse_error(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Whole {
        kafka: KafkaConfig,
        users: Vec<UserConfig>,
    }

    fn checked(text: &str) -> Result<Whole, String> {
        let whole: Whole = toml::from_str(text).map_err(|e| parse_error(text, &e))?;
        check(&whole.kafka, &whole.users).map_err(|e| e.to_string())?;
        Ok(whole)
    }

    const USER: &str = "[[users]]\nname = 'ann'\npassword = 'hunter2'\n";

    #[test]
    fn what_is_set_is_there_and_passwords_do_not_show() {
        let text = format!(
            "{USER}[kafka]\nsasl = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']\n[kafka.tls]\n\
             certificate = 'c'\nkey = 'k'\nclient_ca = 'a'\nclient_certificates = 'optional'"
        );
        let whole = checked(&text).unwrap();
        assert_eq!(whole.kafka.sasl.len(), 3);
        assert_eq!(whole.kafka.tls.client_certificates, ClientCertificateRule::Optional);
        assert_eq!(whole.users[0].password.reveal(), "hunter2");
        assert!(!format!("{whole:?}").contains("hunter2"));
        checked("").unwrap();
    }

    #[test]
    fn every_refusal_says_why() {
        let user = USER;
        for (text, part) in [
            (format!("{user}[kafka]\nsasl = ['PLAIN']"), "plain_without_tls"),
            (format!("{user}[kafka]\nsasl = ['SCRAM-SHA-1']"), "unknown mechanism \"SCRAM-SHA-1\""),
            (
                format!("{user}[kafka]\nsasl = ['SCRAM-SHA-256', 'SCRAM-SHA-256']"),
                "SCRAM-SHA-256 is there twice",
            ),
            ("[kafka]\nsasl = ['SCRAM-SHA-256']".into(), "no [[users]]"),
            (format!("{user}{user}"), "\"ann\" is there twice"),
            ("[[users]]\nname = ''\npassword = 'hunter2'".into(), "a name is empty"),
            ("[[users]]\nname = 'a'\npassword = ''".into(), "the password of \"a\" is empty"),
            ("[kafka.tls]\ncertificate = 'c'".into(), "kafka.tls.key is missing"),
            ("[kafka.tls]\nkey = 'c'".into(), "kafka.tls.certificate is missing"),
            ("[kafka.tls]\nclient_certificates = 'required'".into(), "needs kafka.tls.certificate"),
            (
                "[kafka.tls]\ncertificate = 'c'\nkey = 'k'\nclient_certificates = 'required'".into(),
                "needs kafka.tls.client_ca",
            ),
            ("[kafka.tls]\nclient_ca = 'c'".into(), "client_certificates is \"none\""),
            ("[kafka.tls]\nclient_certificates = 'maybe'".into(), "maybe"),
            (
                "[[kafka.topics]]\nname = 't'\nprocedure = 'P'\nstream = 'S'".into(),
                "\"t\" has a procedure and",
            ),
            ("[[kafka.topics]]\nname = 't'\npartitions = 0".into(), "partitions of \"t\""),
            ("[[kafka.topics]]\nname = 't'\nstream = 'S'\npartitions = 2".into(), "as the data"),
            ("[kafka]\nsasll = []".into(), "line 2: unknown field `sasll`"),
            ("[[users]]\nname = 'a'\npasswort = 'hunter2'".into(), "line 3: unknown field `passwort`"),
            ("[[users]]\nname = 'a'\npassword = 424242".into(), "line 3: password: a string in quotes"),
            ("[[users]]\nname = 'a'\npassword = hunter2".into(), "line 3"),
        ] {
            let error = checked(&text).unwrap_err();
            assert!(error.contains(part), "{text}\n{error}");
            assert!(!error.contains("hunter2") && !error.contains("424242"), "{error}");
        }
        checked(&format!("{user}[kafka]\nsasl = ['PLAIN']\nplain_without_tls = true")).unwrap();
    }
}
