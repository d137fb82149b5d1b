//! `@Subscribe("TOPOLOGY")`: from then on the server sends topology and the list of procedures unasked,
//! whenever they change, under the handles of [`crate::wire::volt::invocation`].

use super::{ResultTables, SystemError, read_params};

/// `params`: the call's parameter set. After success the connection is subscribed.
pub fn answer(params: &[u8]) -> Result<ResultTables, SystemError> {
    let params = read_params("@Subscribe", params)?;
    if params.is_empty() {
        return Err(SystemError::graceful("@Subscribe takes the name of what to subscribe to: TOPOLOGY"));
    }
    for param in params {
        let name = param.as_str().unwrap_or(param.type_name());
        if !name.eq_ignore_ascii_case("TOPOLOGY") {
            return Err(SystemError::graceful(format!("Parameter \"{name}\" is not recognized/supported")));
        }
    }
    Ok(ResultTables::new())
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[test]
    fn topology_and_nothing_else() {
        assert_eq!(answer(&texts(&["TOPOLOGY"])), Ok(ResultTables::new()));
        let error = answer(&texts(&["x"])).unwrap_err();
        assert_eq!(error.text, "Parameter \"x\" is not recognized/supported");
        assert!(answer(&texts(&[])).is_err());
    }
}
