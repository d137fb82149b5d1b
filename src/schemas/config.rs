//! `[schema_registry]` of the configuration: which registry has the schemas of messages in Avro.

use crate::config::Password;
use hyper::Uri;
use serde::Deserialize;
use std::path::PathBuf;

/// `[schema_registry]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchemaRegistryConfig {
    /// `http://host:port` or `https://host:port` of a registry with Confluent's interface, with a path in
    /// front of its own if it has one; empty: this node's own registry, at its HTTP port.
    pub url: String,
    /// Who the registry is told to be asked by; empty: nobody.
    pub user: String,
    pub password: Option<Password>,
    /// A PEM file with the authorities that the registry's certificate may be of: for `https`.
    pub ca: PathBuf,
}

/// Where a registry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) is_https: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// In front of each path; without a `/` at its end.
    pub(super) base: String,
}

impl SchemaRegistryConfig {
    /// Where the registry is; `None`: here. The error names the key.
    pub(super) fn location(&self) -> anyhow::Result<Option<Location>> {
        if self.url.is_empty() {
            let is_alone = self.user.is_empty() && self.password.is_none() && self.ca.as_os_str().is_empty();
            anyhow::ensure!(is_alone, "schema_registry.url is missing, other keys are set");
            return Ok(None);
        }
        let uri: Uri = self
            .url
            .parse()
            .map_err(|error| anyhow::anyhow!("schema_registry.url: {:?}: {error}", self.url))?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => anyhow::bail!("schema_registry.url must begin with http:// or https://, not {:?}", self.url),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host =
            host.ok_or_else(|| anyhow::anyhow!("schema_registry.url: {:?} names no host", self.url))?;
        let is_plain = uri.query().is_none() && !uri.authority().is_some_and(|a| a.as_str().contains('@'));
        anyhow::ensure!(
            is_plain,
            "schema_registry.url has neither a query nor a user; schema_registry.user is for that"
        );
        let has_ca = !self.ca.as_os_str().is_empty();
        anyhow::ensure!(has_ca || !is_https, "schema_registry.ca is missing: https needs the authorities");
        anyhow::ensure!(
            is_https || !has_ca,
            "schema_registry.ca is set, but schema_registry.url is not https"
        );
        anyhow::ensure!(
            self.user.is_empty() == self.password.is_none(),
            "schema_registry.user and schema_registry.password belong together"
        );
        Ok(Some(Location {
            is_https,
            host: host.to_string(),
            port: uri.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
            base: uri.path().trim_end_matches('/').to_string(),
        }))
    }

    /// What serde cannot check.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.location().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> SchemaRegistryConfig {
        toml::from_str(text).expect("it is well formed")
    }

    #[test]
    fn where_it_is() {
        let location = |text: &str| config(text).location().expect("it is right");
        assert_eq!(location(""), None);
        let here = Location { is_https: false, host: "reg".into(), port: 8081, base: String::new() };
        assert_eq!(location("url = 'http://reg:8081/'"), Some(here.clone()));
        let base = Location { base: "/apis/ccompat/v7".into(), port: 80, ..here.clone() };
        assert_eq!(location("url = 'http://reg/apis/ccompat/v7'"), Some(base));
        let https = Location { is_https: true, port: 443, ..here };
        assert_eq!(location("url = 'https://reg'\nca = 'c.pem'\nuser = 'u'\npassword = 'p'"), Some(https));
    }

    #[test]
    fn refusals_name_the_key() {
        for (text, part) in [
            ("user = 'u'", "schema_registry.url is missing"),
            ("url = 'reg:8081'", "must begin with http://"),
            ("url = 'ftp://reg'", "must begin with http://"),
            ("url = 'http://'", "schema_registry.url"),
            ("url = 'http://u:p@reg'", "schema_registry.user is for that"),
            ("url = 'http://reg?a=b'", "neither a query"),
            ("url = 'https://reg'", "schema_registry.ca is missing"),
            ("url = 'http://reg'\nca = 'c.pem'", "schema_registry.ca is set"),
            ("url = 'http://reg'\nuser = 'u'", "belong together"),
            ("url = 'http://reg'\npassword = 'p'", "belong together"),
        ] {
            let error = config(text).check().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
