//! Where a server is: `host`, `host:port`, `[::1]:port`.

use std::{fmt, net::SocketAddr, str::FromStr};

/// The port of VoltDB clients.
pub const VOLT_PORT: u16 = 21212;
/// The port of HTTP.
pub const HTTP_PORT: u16 = 8080;

/// A host and maybe a port. The host is looked up when a connection is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    host: String,
    port: Option<u16>,
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not host or host:port")]
pub struct AddressError(String);

impl ServerAddress {
    /// Without brackets around an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port given, or this one.
    pub fn port_or(&self, default: u16) -> u16 {
        self.port.unwrap_or(default)
    }

    /// The same host, with this port where none was given.
    pub fn with_default_port(&self, default: u16) -> ServerAddress {
        ServerAddress { host: self.host.clone(), port: Some(self.port_or(default)) }
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<ServerAddress, AddressError> {
        let wrong = || AddressError(text.to_string());
        let port_of = |digits: &str| digits.parse::<u16>().map_err(|_| wrong());
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
            match after.strip_prefix(':') {
                Some(digits) => (host, Some(port_of(digits)?)),
                None if after.is_empty() => (host, None),
                None => return Err(wrong()),
            }
        } else {
            match text.split_once(':') {
                // More than one colon: an IPv6 address without a port.
                Some((_, rest)) if rest.contains(':') => (text, None),
                Some((host, digits)) => (host, Some(port_of(digits)?)),
                None => (text, None),
            }
        };
        if host.is_empty() || host.contains(char::is_whitespace) || host.contains('/') {
            return Err(wrong());
        }
        Ok(ServerAddress { host: host.to_string(), port })
    }
}

impl From<SocketAddr> for ServerAddress {
    fn from(address: SocketAddr) -> ServerAddress {
        ServerAddress { host: address.ip().to_string(), port: Some(address.port()) }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (_, None) => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_address() {
        let check = |text: &str, host: &str, port: Option<u16>| {
            let address: ServerAddress = text.parse().expect(text);
            assert_eq!((address.host(), address.port), (host, port), "{text}");
            assert_eq!(address.to_string(), text);
        };
        check("localhost", "localhost", None);
        check("127.0.0.1:21212", "127.0.0.1", Some(21212));
        check("[::1]:8080", "::1", Some(8080));
        check("::1", "::1", None);
        assert_eq!("[::1]".parse::<ServerAddress>().expect("brackets alone").host(), "::1");
    }

    #[test]
    fn what_is_not() {
        for text in ["", ":21212", "host:", "host:99999", "host:x", "[::1", "[::1]x", "http://host", "a b"] {
            assert_eq!(text.parse::<ServerAddress>(), Err(AddressError(text.to_string())));
        }
    }

    #[test]
    fn a_default_port_fills_in() {
        let address: ServerAddress = "gate".parse().expect("a host");
        assert_eq!(address.with_default_port(VOLT_PORT).to_string(), "gate:21212");
        let address: ServerAddress = "gate:1".parse().expect("a host and a port");
        assert_eq!(address.with_default_port(VOLT_PORT).to_string(), "gate:1");
    }
}
