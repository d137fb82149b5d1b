//! The riders' cards, and how they are recharged. Pure.

use rand::{Rng, rngs::SmallRng};

/// How many cards there are unless one says otherwise.
pub const CARDS: i32 = 500_000;
/// One recharge in this many milliseconds unless one says otherwise.
pub const RECHARGE_EVERY_MS: f64 = 5.0;

/// New cards have these balances in turn.
const BALANCES_CENTS: [i32; 6] = [100_000, 50_000, 5_000, 2_000, 1_000, 500];
const AMOUNT_STEP_CENTS: i32 = 1_000;

/// A new card: pay per ride, enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// From 1.
    pub card_id: i32,
    pub balance_cents: i32,
    pub name: String,
    pub phone: String,
    pub email: String,
    /// 0 none, 1 email, 2 text.
    pub notify: i8,
}

/// The card with that number, from 1: always the same one.
pub fn card(card_id: i32) -> Card {
    assert!(card_id > 0, "cards are numbered from 1");
    Card {
        card_id,
        balance_cents: BALANCES_CENTS[(card_id - 1) as usize % BALANCES_CENTS.len()],
        name: format!("Rider {card_id}"),
        phone: format!("617{:07}", card_id % 10_000_000),
        email: format!("rider{card_id}@example.com"),
        notify: (card_id % 3) as i8,
    }
}

/// One call of RechargeCard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recharge {
    pub card_id: i32,
    /// From 2,000 to 19,000, in thousands.
    pub amount_cents: i32,
    pub station_id: i16,
}

/// A recharge of any of `cards` cards.
pub fn recharge(cards: i32, station_id: i16, random: &mut SmallRng) -> Recharge {
    Recharge {
        card_id: random.random_range(1..=cards),
        amount_cents: random.random_range(2..=19) * AMOUNT_STEP_CENTS,
        station_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn balances_go_round() {
        let balances: Vec<i32> = (1..=7).map(|id| card(id).balance_cents).collect();
        assert_eq!(balances, [100_000, 50_000, 5_000, 2_000, 1_000, 500, 100_000]);
        assert!(card(i32::MAX).phone.len() == 10 && card(i32::MAX).name.len() <= 50);
    }

    #[test]
    fn amounts_are_thousands_from_two_to_nineteen() {
        let mut random = SmallRng::seed_from_u64(1);
        let mut seen = [0; 20];
        for _ in 0..10_000 {
            let recharge = recharge(10, 4, &mut random);
            assert!((1..=10).contains(&recharge.card_id));
            assert_eq!(recharge.amount_cents % 1000, 0);
            seen[recharge.amount_cents as usize / 1000] += 1;
        }
        assert_eq!(seen[..2], [0, 0]);
        assert!(seen[2..].iter().all(|&count| count > 300), "{seen:?}");
    }
}
