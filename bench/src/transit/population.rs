//! The stations and cards every contender is loaded with before the first tap.

/// Fare of every station, cents.
pub(crate) const FARE_CENTS: i32 = 250;

/// Balances of the cards, cents, in turn by card number.
pub(crate) const BALANCE_CYCLE_CENTS: [i32; 6] = [100_000, 50_000, 5_000, 2_000, 1_000, 500];

/// Event time of the first tap, ms since 1970: 2026-01-05 05:00:00 UTC. Fixed, so that two runs are the same.
pub(crate) const FIRST_TAP_MS: i64 = 1_767_589_200_000;

/// Cards that only the verification phase taps, numbered after the ordinary ones.
pub(crate) const VERIFICATION_CARDS: i32 = 20_000;

pub(crate) struct Station {
    pub(crate) id: i32,
    pub(crate) name: &'static str,
    /// Weekday entries; taps choose a station in this proportion.
    pub(crate) weight: i32,
}

pub(crate) const STATIONS: [Station; 17] = [
    Station { id: 1, name: "Alewife", weight: 242_200 },
    Station { id: 2, name: "Davis Square", weight: 325_479 },
    Station { id: 3, name: "Porter Square", weight: 221_055 },
    Station { id: 4, name: "Harvard", weight: 581_530 },
    Station { id: 5, name: "Central Square", weight: 406_389 },
    Station { id: 6, name: "Kendall Square", weight: 375_640 },
    Station { id: 7, name: "Charles MGH", weight: 259_210 },
    Station { id: 8, name: "Park Street", weight: 412_809 },
    Station { id: 9, name: "Downtown Crossing", weight: 496_942 },
    Station { id: 10, name: "South Station", weight: 559_110 },
    Station { id: 11, name: "Broadway", weight: 131_022 },
    Station { id: 12, name: "Andrew Square", weight: 145_955 },
    Station { id: 13, name: "JFK/U Mass", weight: 207_333 },
    Station { id: 14, name: "Savin Hill", weight: 56_457 },
    Station { id: 15, name: "Fields Corner", weight: 122_236 },
    Station { id: 16, name: "Shawmut", weight: 51_981 },
    Station { id: 17, name: "Ashmont", weight: 203_866 },
];

#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) id: i32,
    pub(crate) enabled: bool,
    /// Unlimited cards look at `expires_ms`, the others at `balance_cents`.
    pub(crate) unlimited: bool,
    pub(crate) balance_cents: i32,
    /// ms since 1970; unset for pay per ride.
    pub(crate) expires_ms: Option<i64>,
    /// 0 none, 1 email, 2 text.
    pub(crate) notify: i32,
}

impl Card {
    pub(crate) fn name(&self) -> String {
        format!("Rider {}", self.id)
    }

    pub(crate) fn phone(&self) -> String {
        format!("617{:07}", self.id)
    }

    pub(crate) fn email(&self) -> String {
        format!("rider{}@metro.example", self.id)
    }
}

/// How many ordinary cards there are (1..=cards), and the verification cards after them.
#[derive(Clone, Copy)]
pub(crate) struct Population {
    pub(crate) cards: i32,
}

impl Population {
    /// Every card, in id order: the ordinary ones, all pay per ride and enabled, then the verification ones,
    /// which also hold disabled, unlimited and expiring cards.
    pub(crate) fn all_cards(self) -> impl Iterator<Item = Card> {
        (1..=self.cards + VERIFICATION_CARDS).map(move |id| self.card(id))
    }

    pub(crate) fn len(self) -> usize {
        (self.cards + VERIFICATION_CARDS) as usize
    }

    /// The card with this id as it is before any tap. Panics if no such card exists.
    pub(crate) fn card(self, id: i32) -> Card {
        assert!(id >= 1 && id <= self.cards + VERIFICATION_CARDS, "card ids are dense");
        let mut card = Card {
            id,
            enabled: true,
            unlimited: false,
            balance_cents: BALANCE_CYCLE_CENTS[(id as usize - 1) % BALANCE_CYCLE_CENTS.len()],
            expires_ms: None,
            notify: id % 3,
        };
        if id > self.cards {
            match id % 16 {
                0 => card.enabled = false,
                1 => make_unlimited(&mut card, FIRST_TAP_MS + 365 * 24 * 3_600_000),
                // Expires while the verification stream is running.
                2 => make_unlimited(&mut card, FIRST_TAP_MS + 3_600_000),
                _ => {}
            }
        }
        card
    }
}

fn make_unlimited(card: &mut Card, expires_ms: i64) {
    card.unlimited = true;
    card.balance_cents = 0;
    card.expires_ms = Some(expires_ms);
}
