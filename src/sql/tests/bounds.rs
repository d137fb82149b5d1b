//! No text, however long, deep or wild, does harm.

use super::*;

#[test]
fn long_and_deep_texts_are_bounded() {
    let chain = |n: usize| format!("SELECT card_id FROM cards WHERE {}", vec!["card_id = 4"; n].join(" OR "));
    assert_eq!(run(&chain(600), &[]).unwrap(), "CARD_ID INTEGER\n  4\n");
    assert!(run(&chain(5_000), &[]).unwrap_err().message.contains("words"));
    let sum = |n: usize| format!("SELECT {} FROM cards", vec!["1"; n].join("+"));
    assert!(run(&sum(30), &[]).is_ok());
    assert!(run(&sum(900), &[]).unwrap_err().message.contains("deep"));
    let nested = |n: usize| format!("SELECT {}1{} FROM cards", "(".repeat(n), ")".repeat(n));
    assert!(run(&nested(20), &[]).is_ok());
    assert!(run(&nested(50_000), &[]).unwrap_err().message.contains("deep"));
    let list: Vec<String> = (0..20_000).map(|i| i.to_string()).collect();
    assert!(run(&format!("SELECT card_id FROM cards WHERE card_id IN ({})", list.join(",")), &[]).is_ok());
}

#[test]
fn no_text_can_make_it_panic() {
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    let words = [
        "SELECT",
        "FROM",
        "cards",
        "WHERE",
        "card_id",
        "name",
        "balance",
        "rate",
        "worth",
        "expires",
        "tag",
        "(",
        ")",
        ",",
        "*",
        "=",
        "<",
        "AND",
        "OR",
        "NOT",
        "IN",
        "BETWEEN",
        "LIKE",
        "IS",
        "NULL",
        "COUNT",
        "SUM",
        "MIN",
        "AVG",
        "GROUP BY",
        "ORDER BY",
        "HAVING",
        "LIMIT",
        "OFFSET",
        "DISTINCT",
        "1",
        "-1.5",
        "'a'",
        "'%'",
        "x'00'",
        "?",
        "+",
        "-",
        "/",
        "%",
        ";",
        "INSERT INTO",
        "VALUES",
        "AS",
        "é",
        "CAST",
        "CASE",
        "WHEN",
        "NOW",
        "DEFAULT",
    ];
    let mut rng = SmallRng::seed_from_u64(6);
    let mut planned = 0;
    for _ in 0..15_000 {
        let mut text = String::from(["SELECT ", "SELECT name FROM cards WHERE ", ""][rng.random_range(0..3)]);
        for _ in 0..rng.random_range(0..9) {
            text += words[rng.random_range(0..words.len())];
            text += " ";
        }
        if rng.random() {
            text += " FROM cards";
        }
        let params = vec![Value::BigInt(3); text.matches('?').count()];
        planned += u32::from(run(&text, &params).is_ok());
    }
    assert!(planned > 100, "{planned} of the texts made sense");
}
