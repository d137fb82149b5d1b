//! A store of your own: a schema, a procedure, and a server that has both, in one file. Here: a café's
//! vouchers.
//!
//! ```text
//! cargo run --example own_procedure -- serve --config tollgate.toml
//! curl -d '{"parameters": ["LATTE-7", 500]}' -H 'Content-Type: application/json' \
//!   http://127.0.0.1:8080/api/v1/procedures/VOUCHERS.insert
//! curl -d '{"parameters": {"code": "LATTE-7", "cents": 350}}' -H 'Content-Type: application/json' \
//!   http://127.0.0.1:8080/api/v1/procedures/Redeem
//! ```

use tollgate_procedures::{Abort, Procedure, Registry, Tx};

// The DDL becomes Rust: a row type for each table, and a handle for each on the transaction. A column that
// isn't there is an error of the compiler.
tollgate_schema_macros::schema! {
    pub mod cafe {
        "CREATE TABLE vouchers (
           code  VARCHAR(20) NOT NULL,
           cents INTEGER     NOT NULL,
           PRIMARY KEY (code)
         );
         PARTITION TABLE vouchers ON COLUMN code;

         CREATE STREAM redemptions PARTITION ON COLUMN code (
           code  VARCHAR(20) NOT NULL,
           cents INTEGER     NOT NULL,
           at    TIMESTAMP   NOT NULL
         );"
    }
}

use cafe::{Redemptions, Tables};

/// Takes money from a voucher, and answers with what is left on it. The balance, the stream and the answer
/// are one transaction: it is durable before anyone hears of it, and an abort leaves nothing behind.
fn redeem(tx: &mut Tx<'_>, code: String, cents: i32) -> Result<i64, Abort> {
    if cents <= 0 {
        return Err(Abort::user(format!("cents must be positive, not {cents}")));
    }
    let Some(voucher) = tx.vouchers().get(&code) else {
        return Err(Abort::user(format!("there is no voucher {code}")));
    };
    let left = voucher.cents() - cents;
    if left < 0 {
        return Err(Abort::user(format!("voucher {code} has {} cents", voucher.cents())));
    }
    tx.vouchers().update(&code, |voucher| voucher.set_cents(left))?;
    // A procedure has no clock of its own: its time is the transaction's, so that it can be run again.
    let at = tx.now_us();
    tx.redemptions().append(Redemptions { code: &code, cents, at })?;
    Ok(i64::from(left))
}

fn main() -> std::process::ExitCode {
    let procedures = vec![Procedure::single("Redeem", ["code", "cents"], redeem)];
    let registry = Registry::new().schema("cafe", cafe::DDL, procedures).expect("the schema is right");
    tollgate::main(registry)
}
