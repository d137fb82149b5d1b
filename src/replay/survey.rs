//! What a first look at the whole file finds: the names, the cards and how they pay, and the lines that are
//! no taps.

use super::{
    places::NAMES_MAX,
    tap::{self, LineError, Place, TflTap, Ticket},
};
use csv::StringRecord;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub lines: u64,
    pub stations: BTreeSet<String>,
    pub bus_routes: BTreeSet<String>,
    /// Lines that are no taps, by reason: how many, and the number of the first.
    pub defects: BTreeMap<LineError, (u64, u64)>,
    tickets: FxHashMap<i32, Option<Ticket>>,
}

/// A file of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {NAMES_MAX} different names of stations, or of bus routes: this is no file of taps")]
pub struct TooManyNames;

impl Survey {
    /// Takes the next line into account; the tap, if it is one.
    pub fn add<'a>(
        &mut self,
        line: u64,
        fields: &'a StringRecord,
    ) -> Result<Option<TflTap<'a>>, TooManyNames> {
        self.lines += 1;
        let tap = match tap::read(fields) {
            Ok(tap) => tap,
            Err(error) => {
                self.defects.entry(error).or_insert((0, line)).0 += 1;
                return Ok(None);
            }
        };
        let (names, name) = match tap.place {
            Place::Station(name) => (&mut self.stations, name),
            Place::BusRoute(name) => (&mut self.bus_routes, name),
        };
        if !names.contains(name) {
            if names.len() == NAMES_MAX {
                return Err(TooManyNames);
            }
            names.insert(name.to_string());
        }
        let ticket = self.tickets.entry(tap.card_id).or_default();
        *ticket = ticket.or(tap.ticket);
        Ok(Some(tap))
    }

    /// The cards in order, and how each pays: pay per ride if no line says.
    pub fn cards(&self) -> Vec<(i32, Ticket)> {
        let card =
            |(card_id, ticket): (&i32, &Option<Ticket>)| (*card_id, ticket.unwrap_or(Ticket::PayPerRide));
        let mut cards: Vec<_> = self.tickets.iter().map(card).collect();
        cards.sort_unstable_by_key(|(card_id, _)| *card_id);
        cards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cards_and_defects() {
        let mut survey = Survey::default();
        let lines = [
            "Sun,04:31,BUSTRIP,9,LTB,TKT,N,0,0,N15,X",
            "Sun,05:23,BEGINTRIP,5,HEX,Osterley",
            "Sun,05:24,BEGINTRIP,7,HEX,Osterley",
            "Sun,05:54,ENDTRIP,5,HEX,Heathrow Term 5,-------,TKT,N,110,110,PAYG",
            "Sun,05:5",
            "Sun,05",
        ];
        for (number, line) in (1..).zip(lines) {
            let fields = StringRecord::from(line.split(',').collect::<Vec<_>>());
            survey.add(number, &fields).unwrap();
        }
        assert_eq!(survey.lines, 6);
        assert_eq!(survey.stations, ["Heathrow Term 5", "Osterley"].map(String::from).into());
        assert_eq!(survey.bus_routes, ["N15".to_string()].into());
        assert_eq!(survey.cards(), [(5, Ticket::Season), (7, Ticket::PayPerRide), (9, Ticket::Season)]);
        assert_eq!(survey.defects, BTreeMap::from([(LineError::Cut, (2, 5))]));
    }

    #[test]
    fn names_are_bounded() {
        let mut survey = Survey::default();
        let fields = |n: usize| {
            let name = format!("Station {n}");
            StringRecord::from(vec!["Sun", "05:23", "BEGINTRIP", "5", "HEX", &name])
        };
        for n in 0..NAMES_MAX {
            survey.add(1, &fields(n)).unwrap();
        }
        assert!(survey.add(1, &fields(0)).is_ok(), "not a new one");
        assert_eq!(survey.add(1, &fields(NAMES_MAX)), Err(TooManyNames));
    }
}
