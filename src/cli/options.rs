//! Options that several commands take.

use crate::{client::ServerAddress, clock, simulate::drive::Rate};
use clap::Args;
use std::time::{Duration, Instant};

/// Where the server is, over the Volt port.
#[derive(Args, Clone)]
pub(super) struct Server {
    /// The server's Volt port, as host or host:port
    #[arg(long, short, value_name = "HOST[:PORT]", default_value = "127.0.0.1:21212")]
    pub(super) server: ServerAddress,
}

/// Where the server is, over HTTP.
#[derive(Args, Clone)]
pub(super) struct Http {
    /// The server's HTTP port, as host or host:port
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1:8080")]
    pub(super) http: ServerAddress,
}

/// How long to go on.
#[derive(Args, Clone, Copy)]
pub(super) struct Seconds {
    /// End after this many seconds; without it, go on until Ctrl-C
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(super) seconds: Option<f64>,
}

impl Seconds {
    /// When to end, if begun now.
    pub(super) fn end(self) -> Option<Instant> {
        self.seconds.map(|seconds| clock::now() + Duration::from_secs_f64(seconds))
    }
}

/// Most that a number on the command line may say: beyond it, moments would overflow.
const NUMBER_MAX: f64 = 1e9;

/// A number above nothing.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= NUMBER_MAX => Ok(number),
        Ok(_) => Err(format!("must be more than 0 and at most {NUMBER_MAX:.0}")),
        Err(_) => Err("is not a number".to_string()),
    }
}

/// A number a second, or `max`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    if text.eq_ignore_ascii_case("max") {
        return Ok(Rate::Max);
    }
    positive(text).map(Rate::PerSecond).map_err(|reason| format!("{reason}, nor `max`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_rates() {
        assert_eq!(positive("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "nan", "inf", "1e10", "x", ""] {
            assert!(positive(wrong).is_err(), "{wrong}");
        }
        assert_eq!(rate("MAX"), Ok(Rate::Max));
        assert_eq!(rate("5000"), Ok(Rate::PerSecond(5_000.0)));
        assert!(rate("fast").unwrap_err().contains("max"));
    }
}
